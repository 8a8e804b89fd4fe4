"""A residual network of twenty layers beside the lecture's convolutional network: small photographs, or digits in colour.

    python examples/resnet.py --plot resnet.png
    python examples/resnet.py --images 5000 --epochs 20     some minutes

Deep networks were hard to train until each block got a way around it (He et al. 2016):

    y = relu(x + F(x))         F: convolution, batch normalisation, ReLU, convolution, batch normalisation

What a block has to learn is only what x lacks, and the gradient reaches the first layer by the sums alone. ResNet-20 has a
fifth of the parameters of the lecture's network, for it ends in the mean over the image and not in a large dense layer.

The images are CIFAR-10 (in the folder cifar10 of MINIDL_DATA, or in the cache), or else digits, MNIST or built-in ones, in a
colour of their own on a darker ground. Both networks see the same few images, and are judged on others.
"""

import argparse
import time
from contextlib import suppress

import numpy as np

import minidl
from minidl import backend
from minidl.applications import CNN, ResNetCifar
from minidl.datasets import cifar10, digits, mnist
from minidl.errors import ArgumentError, DatasetError
from minidl.optimizers import Adam
from minidl.schedules import OneCycle

WATCHED = 1000  # of the images to test on, looked at after each epoch; all are in the end


def load(images, test, quick):
    """Name of the data, images (n, 32, 32, 3) from 0 to 1 with labels to train on, and to test on."""
    if not quick:
        with suppress(DatasetError):
            (x, y), (x_test, y_test) = cifar10.load_data(download=False, verbose=0)
            parts = [(x[:images], y[:images]), (x_test[:test], y_test[:test])]
            return "CIFAR-10", *[(a.astype("float32") / 255, b) for a, b in parts]
    name, loaded = "built-in digits in colour", None
    if not quick:
        with suppress(DatasetError):
            name, loaded = "MNIST in colour", mnist.load_data(download=False, verbose=0)
    (x, y), (x_test, y_test) = loaded or digits.load_data(n_train=images, n_test=test)
    return name, (coloured(x[:images], 1), y[:images]), (coloured(x_test[:test], 2), y_test[:test])


def coloured(images, seed):
    """Images (n, 32, 32, 3) from 0 to 1: each digit in one colour on a darker ground of another, with shades and noise."""
    random = np.random.default_rng(seed)
    n = len(images)
    ink = np.pad(images, ((0, 0), (2, 2), (2, 2)))[..., None] / np.float32(255)
    colours = random.random((n, 2, 1, 1, 3), np.float32)
    bright, dark = 0.4 + 0.6 * colours[:, 0], 0.4 * colours[:, 1]
    shade = np.linspace(-0.2, 0.2, 32, dtype=np.float32) * random.normal(size=(n, 1)).astype(np.float32)
    picture = ink * bright + (1 - ink) * (dark + shade[:, None, :, None])
    return np.clip(picture + 0.05 * random.standard_normal(picture.shape, np.float32), 0, 1)


def train(name, model, x, y, x_test, y_test, epochs, rate):
    """The history of a training whose rate goes up and down once, and the accuracy on all images to test on."""
    steps = -(-len(x) // 50) * epochs
    model.compile(Adam(OneCycle(rate, steps)), "sparse_categorical_crossentropy", metrics=["accuracy"])
    start = time.perf_counter()
    watched = x_test[:WATCHED], y_test[:WATCHED]
    history = model.fit(x, y, batch_size=50, epochs=epochs, validation_data=watched, verbose=0).history
    seconds = time.perf_counter() - start
    right = history["accuracy"][-1]
    print(f"{name}: {model.count_params():,} parameters, {right:.1%} of the training images right, {seconds:.1f} s")
    return history, model.evaluate(x_test, y_test, verbose=0)[1]


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
    parser.add_argument("--depth", type=int, default=20, help="8, 14, 20, 26 ...; default: 20")
    parser.add_argument("--images", type=int, default=1000, help="to train on; default: 1000")
    parser.add_argument("--epochs", type=int, default=12, help="default: 12")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw accuracies and images, for example resnet.png")
    parser.add_argument("--quick", action="store_true", help="eight layers, 300 images and 8 epochs: a few seconds")
    args = parser.parse_args(argv)
    depth, images, epochs, test = (8, 300, 8, 200) if args.quick else (args.depth, args.images, args.epochs, 3000)
    try:
        minidl.set_seed(args.seed)
        model = ResNetCifar(depth)
        data, (x, y), (x_test, y_test) = load(images, test, args.quick)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except (ArgumentError, ValueError) as error:
        parser.error(str(error))
    if min(epochs, images) < 1:
        parser.error("--epochs and --images are at least 1")

    size = f"{len(x)} images to train on, {len(x_test)} to test on"
    print(f"Data: {data}; {size}; {backend.current().device}\n")
    name = f"ResNet-{depth}"
    models = {name: (model, 0.01), "the lecture's network": (CNN((32, 32, 3)), 0.002)}
    results = {title: train(title, network, x, y, x_test, y_test, epochs, rate) for title, (network, rate) in models.items()}
    print()
    for title, (_, accuracy) in results.items():
        print(f"Test accuracy, {title}: {accuracy:.4f}")
    if args.plot:
        histories = {title: history for title, (history, _) in results.items()}
        plot(args.plot, histories, x_test, y_test, model.predict(x_test[:21]).argmax(axis=1))


if __name__ == "__main__":
    main()
