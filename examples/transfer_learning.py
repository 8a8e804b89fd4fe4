"""Learn five digits from few images, with features that were learnt from the five others.

    python examples/transfer_learning.py --plot transfer_learning.png

A convolutional network learns 0 to 4 from many images. Its first layers have then found out what strokes look like, and that
holds for 5 to 9 as well. So a second network takes these layers over by their names, freezes them, and learns only its last
layers, from 25 to 500 images. A third one learns everything from the same images.
"""

import argparse
import os
import tempfile
import time

import numpy as np
from mnist_cnn import load

import minidl
from minidl import backend
from minidl.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, Rescaling
from minidl.models import Sequential
from minidl.optimizers import Adam

FEATURES = ("strokes", "shapes")


def network(of):
    """Features, whose layers have names of their own, and a classifier that is called after the digits it knows."""
    return Sequential(
        [
            Input((28, 28, 1)),
            Rescaling(1 / 255),
            Conv2D(16, kernel_size=3, activation="relu", name="strokes"),
            MaxPooling2D(pool_size=2),
            Conv2D(32, kernel_size=3, activation="relu", name="shapes"),
            MaxPooling2D(pool_size=2),
            Flatten(),
            Dropout(0.25),
            Dense(128, activation="relu", name=f"{of} hidden"),
            Dropout(0.5),
            Dense(5, activation="softmax", name=f"{of} classes"),
        ]
    )


def train(model, x, y, steps, batch_size=32):
    """About ``steps`` steps of Adam, however few images there are."""
    model.compile(Adam(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=batch_size, epochs=max(round(steps * batch_size / len(x)), 1), verbose=0)
    return model


def accuracy(model, x, y):
    return model.evaluate(x, y, verbose=0)[1]


def plot(path, counts, found, x_test, y_test, predicted, source):
    """The accuracy by number of images, and what the frozen network says about test images."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[5, 6])
    axes = left.subplots()
    for name, accuracies in found.items():
        axes.plot(counts, [100 * value for value in accuracies], "o-", label=name)
    axes.set(xscale="log", xlabel="images of 5 to 9 to learn from", ylabel="accuracy on test images (%)", title=source)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    right.suptitle(f"Test images and what the transferred network says, after {counts[-1]} images")
    for index, axes in enumerate(right.subplots(3, 7).flat):
        axes.axis("off")
        axes.imshow(x_test[index, :, :, 0], cmap="gray_r")
        right_one = predicted[index] == y_test[index]
        axes.set_title(str(predicted[index] + 5), fontsize=9, color="black" if right_one else "red")
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw the accuracies and images, for example transfer_learning.png")
    parser.add_argument("--quick", action="store_true", help="few images and steps, no download: a few seconds")
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
    x, y = x[:20000], y[:20000]
    counts, steps = ((100,), 30) if args.quick else ((25, 100, 500), 150)
    low, high, high_test = y < 5, np.flatnonzero(y >= 5), y_test >= 5
    x_test, y_test = x_test[high_test], y_test[high_test] - 5
    print(f"{low.sum()} images of 0 to 4, {len(x_test)} test images of 5 to 9; {backend.current().device}")

    start = time.perf_counter()
    first = train(network("0 to 4"), x[low], y[low], 3 * steps, batch_size=64)
    right, seconds = accuracy(first, x[low], y[low]), time.perf_counter() - start
    print(f"0 to 4 are learnt: {right:.2%} of their images are right, {seconds:.1f} s\n")

    found, transferred = {"features of 0 to 4, frozen": [], "everything from these images": []}, None
    print("images   features of 0 to 4   everything\nof 5-9    frozen             from these")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "first.safetensors")
        first.save_weights(path)
        for count in counts:
            few = high[:count]
            transferred = network("5 to 9")
            transferred.load_weights(path, by_name=True)
            for name in FEATURES:
                transferred.get_layer(name).trainable = False
            train(transferred, x[few], y[few] - 5, steps)
            alone = train(network("5 to 9"), x[few], y[few] - 5, steps)
            results = [accuracy(model, x_test, y_test) for model in (transferred, alone)]
            for accuracies, value in zip(found.values(), results):
                accuracies.append(value)
            print(f"{count:>6} {results[0]:>12.2%} {results[1]:>19.2%}")

    total, free = transferred.count_params(), sum(p.size for p in transferred.parameters if p.trainable)
    print(f"\nOf {total:,} parameters {free:,} were trained, {total - free:,} taken over.")
    frozen, scratch = (accuracies[-1] for accuracies in found.values())
    print(f"Test accuracy, transferred: {frozen:.4f} ({source})\nTest accuracy, from scratch: {scratch:.4f} ({source})")
    if args.plot:
        plot(args.plot, counts, found, x_test, y_test, transferred.predict(x_test).argmax(axis=1), source)


if __name__ == "__main__":
    main()
