"""A network that first looks at digits without their labels, dreams of some, and then learns to name them.

    python examples/deep_belief_net.py --plot deep_belief_net.png

Two restricted Boltzmann machines learn one after the other by contrastive divergence, the second from what the first has found.
From then on the network can dream: the upper machine runs by itself, and what it comes to is drawn by the lower one. A softmax
on top of both then learns the labels, and so do the machines' weights. Beside it a perceptron of the same size learns from
random weights.
"""

import argparse
import time

import numpy as np
from mnist_cnn import load

import minidl
from minidl import backend
from minidl.boltzmann import RBM, DeepBeliefNetwork
from minidl.layers import Dense, Input
from minidl.models import Sequential
from minidl.optimizers import Adam

DREAMS, MOMENTS = 14, (1, 10, 100, 300)  # chains; Gibbs steps after which they are drawn


def stack(units):
    """Two machines; the upper one keeps its chains, which makes its dreams better."""
    return DeepBeliefNetwork([RBM(units), RBM(units, persistent=True, learning_rate=0.05)])


def perceptron(units):
    """The same layers with random weights."""
    hidden = [Dense(units, activation="sigmoid") for _ in range(2)]
    return Sequential([Input((784,)), *hidden, Dense(10, activation="softmax")])


def learn_labels(model, x, y, x_test, y_test, epochs):
    """Test accuracy after each epoch."""
    model.compile(Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    batch_size = 128 if len(x) > 1000 else 16
    history = model.fit(x, y, batch_size=batch_size, epochs=epochs, validation_data=(x_test, y_test), verbose=0)
    return history.history["val_accuracy"]


def plot(path, network, start, dreams, accuracies, source):
    """What the lower machine looks for, the dreams, and both accuracies."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(12, 8.6), layout="constrained")
    top, bottom = figure.subfigures(2, height_ratios=[5, 3.6])
    top.suptitle(f"Dreams of a network that never saw a label: chains that begin at test images ({source})")
    all_axes = top.subplots(1 + len(MOMENTS), DREAMS)
    for row, (images, label) in enumerate(zip([start, *dreams], ["begin", *(f"step {n}" for n in MOMENTS)])):
        for index, axes in enumerate(all_axes[row]):
            axes.imshow(images[index].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_frame_on(False)
        all_axes[row, 0].set_ylabel(label)
    left, right = bottom.subfigures(1, 2, width_ratios=[7, 5])
    left.suptitle("What hidden units of the lower machine look for (red: ink)")
    W = network.machines[0].W.value
    for index, axes in enumerate(left.subplots(3, 8).flat):
        axes.axis("off")
        largest = np.abs(W[:, index]).max()
        axes.imshow(W[:, index].reshape(28, 28), cmap="RdBu_r", vmin=-largest, vmax=largest)
    axes = right.subplots()
    for name, values in accuracies.items():
        axes.plot(np.arange(1, len(values) + 1), [100 * value for value in values], "o-", label=name)
    axes.set(xlabel="epoch with labels", ylabel="test accuracy (%)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=100)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw dreams, weights and accuracies, for example deep_belief_net.png")
    parser.add_argument("--quick", action="store_true", help="few images and units, no download: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))

    (x, y), (x_test, y_test), source = load(quick=args.quick)
    x, x_test = (images.reshape(len(images), -1) / np.float32(255) for images in (x, x_test))
    units, epochs, labelled = (100, (5, 5), 4) if args.quick else (400, (2, 3), 4)
    print(f"{backend.current().device}\n\nWithout labels:")
    start = time.perf_counter()
    network = stack(units)
    network.fit(x, batch_size=20 if args.quick else 100, epochs=epochs)
    print(f"{time.perf_counter() - start:.1f} s")

    begin = x_test[:DREAMS]
    moments = MOMENTS[:2] if args.quick and not args.plot else MOMENTS
    dreams = [network.sample(steps=steps, start=begin) for steps in moments]
    changed = np.abs(dreams[-1] - begin).mean() / begin.mean()
    print(f"\nAfter {moments[-1]} steps of dreaming {changed:.0%} of the ink is elsewhere.")

    print("\nWith labels, test accuracy:\nepoch   first looked   from random weights")
    accuracies = {
        "after the machines have looked": learn_labels(network.to_model(10), x, y, x_test, y_test, labelled),
        "from random weights": learn_labels(perceptron(units), x, y, x_test, y_test, labelled),
    }
    for epoch, (first, second) in enumerate(zip(*accuracies.values()), start=1):
        print(f"{epoch:>5} {first:>14.2%} {second:>21.2%}")
    looked, random = (values[-1] for values in accuracies.values())
    print(f"\nTest accuracy, belief network: {looked:.4f} ({source})\nTest accuracy, perceptron: {random:.4f} ({source})")
    print(f"Time: {time.perf_counter() - start:.1f} s")
    if args.plot:
        plot(args.plot, network, begin, dreams, accuracies, source)


if __name__ == "__main__":
    main()
