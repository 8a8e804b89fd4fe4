"""A residual network beside the lecture's convolutional network, on digits of any colour on any ground.

    python examples/resnet.py --plot resnet.png
    python examples/resnet.py --depth 20 --images 5000 --epochs 20     some minutes

In front of a coloured ground neither ink nor paper has a brightness of its own: what tells a digit is only its edges. The
residual network (He et al. 2016) has eight layers here, or 14, 20, 26 ... with --depth, and yet few parameters; what a block
adds to its input is easy to learn, as it begins near nothing.
"""

import argparse
import time

import numpy as np

import minidl
from minidl import backend
from minidl.applications import CNN, ResNetCifar
from minidl.datasets import digits
from minidl.errors import ArgumentError
from minidl.optimizers import Adam
from minidl.schedules import CosineDecay


def coloured(images, seed):
    """Images (n, 32, 32, 3) from 0 to 1: each digit in one colour on a ground of another, with shades and noise."""
    random = np.random.default_rng(seed)
    n = len(images)
    ink = np.pad(images, ((0, 0), (2, 2), (2, 2)))[..., None] / np.float32(255)
    colours = random.random((n, 2, 1, 1, 3), np.float32)
    too_near = np.abs(colours[:, 0] - colours[:, 1]).max(axis=(1, 2, 3)) < 0.4  # nobody could read them
    colours[too_near, 1] = (colours[too_near, 0] + 0.5) % 1
    shade = np.linspace(-0.2, 0.2, 32, dtype=np.float32) * random.normal(size=(n, 1)).astype(np.float32)
    picture = ink * colours[:, 0] + (1 - ink) * (colours[:, 1] + shade[:, None, :, None])
    return np.clip(picture + 0.05 * random.standard_normal(picture.shape, np.float32), 0, 1)


def train(name, model, x, y, x_test, y_test, epochs, rate):
    """The history of a training, its rate falling to zero."""
    steps = -(-len(x) // 32) * epochs
    model.compile(Adam(CosineDecay(rate, decay_steps=steps)), "sparse_categorical_crossentropy", metrics=["accuracy"])
    start = time.perf_counter()
    history = model.fit(x, y, batch_size=32, epochs=epochs, validation_data=(x_test, y_test), verbose=0).history
    seconds = time.perf_counter() - start
    right = history["accuracy"][-1]
    print(f"{name}: {model.count_params():,} parameters, {right:.1%} of the training images right, {seconds:.1f} s")
    return history


def plot(path, histories, x_test, y_test, predicted):
    """Accuracy by epoch, and test images with what the residual network says."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[5, 6])
    axes = left.subplots()
    for (name, history), colour in zip(histories.items(), ("tab:blue", "tab:orange")):
        epochs = np.arange(1, len(history["accuracy"]) + 1)
        axes.plot(epochs, history["accuracy"], ":", color=colour)
        axes.plot(epochs, history["val_accuracy"], "o-", color=colour, markersize=4, label=name)
    axes.set(xlabel="epoch", ylabel="accuracy", title="test images (dotted: training)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    right.suptitle("Test images and what the residual network says")
    for index, axes in enumerate(right.subplots(3, 7).flat):
        axes.axis("off")
        axes.imshow(x_test[index])
        axes.set_title(str(predicted[index]), fontsize=9, color="black" if predicted[index] == y_test[index] else "red")
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=8, help="8, 14, 20, 26 ...; default: 8")
    parser.add_argument("--images", type=int, default=2000, help="to train on; default: 2000")
    parser.add_argument("--epochs", type=int, default=6, help="default: 6")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw accuracies and images, for example resnet.png")
    parser.add_argument("--quick", action="store_true", help="300 images and 2 epochs: a few seconds")
    args = parser.parse_args(argv)
    images, epochs, test = (300, 2, 200) if args.quick else (args.images, args.epochs, 1000)
    try:
        minidl.set_seed(args.seed)
        model = ResNetCifar(args.depth)
        (x, y), (x_test, y_test) = digits.load_data(n_train=images, n_test=test)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except (ArgumentError, ValueError) as error:
        parser.error(str(error))
    if epochs < 1:
        parser.error(f"--epochs {epochs} is not positive")

    x, x_test = coloured(x, args.seed), coloured(x_test, args.seed + 1)
    size = f"{len(x)} images to train on, {len(x_test)} to test on"
    print(f"Data: built-in digits in colour; {size}; {backend.current().device}\n")
    name = f"ResNet-{args.depth}"
    models = {name: (model, 0.005), "the lecture's network": (CNN((32, 32, 3)), 0.001)}
    histories = {title: train(title, network, x, y, x_test, y_test, epochs, rate) for title, (network, rate) in models.items()}
    print()
    for title, history in histories.items():
        print(f"Test accuracy, {title}: {history['val_accuracy'][-1]:.4f}")
    if args.plot:
        plot(args.plot, histories, x_test, y_test, model.predict(x_test[:21]).argmax(axis=1))


if __name__ == "__main__":
    main()
