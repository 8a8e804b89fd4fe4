"""What a convolutional network makes of a digit, layer by layer; and why it matters less to it where the digit stands.

    python examples/feature_maps.py --plot feature_maps.png

A filter is a small picture. Its feature map says for every place how much the image looks like it there. The weights are the
same at every place, so a digit that is moved by a pixel gives the same map, moved by a pixel:

    conv(shift(x)) = shift(conv(x))

That is checked below. It is exact but for the edge, where filters see the padding. Pooling keeps the largest of four neighbours
and so forgets a little of where it was. A perceptron has other weights for each place, and sees another image. How the
accuracies of both fall as the test images are moved is the last table: neither has seen moved images in training.

What a filter looks for can be asked with drawn bars: the table says how strongly each filter of the first layer answers to
them. minidl.visual draws the maps of any layer of a model in one line, visual.feature_maps(model, x, layer).
"""

import argparse

import numpy as np

import minidl
from minidl import backend
from minidl.datasets import digits, mnist
from minidl.errors import DatasetError
from minidl.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.models import Model, Sequential
from minidl.optimizers import Adam

FILTERS = 8
EDGES = {"conv1": 3, "pool1": 2, "conv2": 4}  # pixels of a map that depend on the padding around the image
BARS = {"|": 90, "/": 45, "-": 0, "\\": 135}  # degrees, counted against the clock


def load(n_train, n_test):
    """Images (n, 28, 28, 1) of bytes and labels; MNIST where it is found, else the built-in digits."""
    try:
        (x, y), (x_test, y_test) = mnist.load_data(download=False, verbose=0)
        source = "MNIST"
    except DatasetError:
        (x, y), (x_test, y_test) = digits.load_data(n_train=n_train, n_test=n_test)
        source = "built-in digits"
    return (x[:n_train, ..., None], y[:n_train]), (x_test[:n_test, ..., None], y_test[:n_test]), source


def convolutional():
    return Sequential(
        [
            Input((28, 28, 1)),
            Rescaling(1 / 255),
            Conv2D(FILTERS, kernel_size=7, padding="same", activation="relu", name="conv1"),
            MaxPooling2D(pool_size=2, name="pool1"),
            Conv2D(16, kernel_size=5, padding="same", activation="relu", name="conv2"),
            MaxPooling2D(pool_size=2, name="pool2"),
            Flatten(),
            Dense(10, activation="softmax"),
        ]
    )


def perceptron():
    return Sequential(
        [Input((28, 28, 1)), Rescaling(1 / 255), Flatten(), Dense(128, activation="relu"), Dense(10, activation="softmax")]
    )


def shift(images, down, right):
    """Images moved by so many pixels; the margins of the digits are empty, so what leaves one side may enter at the other."""
    return np.roll(images, (down, right), axis=(1, 2))


def bars():
    """Images (4, 28, 28, 1) of a bar through the middle, one for each direction."""
    y, x = np.arange(13.5, -14, -1)[:, None], np.arange(-13.5, 14)
    pictures = []
    for degrees in BARS.values():
        angle = np.radians(degrees)
        along, across = x * np.cos(angle) + y * np.sin(angle), x * np.sin(angle) - y * np.cos(angle)
        pictures.append(255 * ((np.abs(along) < 9) & (np.abs(across) < 2)))
    return np.stack(pictures)[..., None].astype(np.uint8)


def accuracy_when_moved(model, x, y, distances):
    """The part of the images that are right, the mean over four directions, for each distance in pixels."""
    found = []
    for d in distances:
        moved = [shift(x, down, right) for down, right in ((d, 0), (-d, 0), (0, d), (0, -d))]
        found.append(np.mean([(model.predict(images).argmax(axis=1) == y).mean() for images in moved]))
    return found


def plot(path, image, model, maps, distances, accuracies):
    """The filters of the first layer, the maps of each layer below each other, and accuracy against distance."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(13.5, 7), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[8.5, 4])
    W = model.get_layer("conv1").W.value  # (7, 7, 1, filters)
    grid = left.subplots(1 + len(maps), FILTERS)
    left.suptitle("Filters of the first layer (red: ink, blue: no ink), and the first 8 maps of each layer")
    for j, axes in enumerate(grid[0]):
        axes.imshow(W[:, :, 0, j], cmap="RdBu_r", vmin=-np.abs(W).max(), vmax=np.abs(W).max())
    for row, values in zip(grid[1:], maps.values()):
        for j, axes in enumerate(row):
            axes.imshow(values[:, :, j], vmin=0, vmax=values.max())
    for row, name in zip(grid, ("filters", *maps)):
        row[0].set_ylabel(name)
        for axes in row:
            axes.set(xticks=[], yticks=[])
    above, below = right.subplots(2, 1)
    above.imshow(image[:, :, 0], cmap="gray_r")
    above.set(title="The image", xticks=[], yticks=[])
    for (name, accuracy), marker in zip(accuracies.items(), "os"):
        below.plot(distances, accuracy, f"{marker}-", label=name)
    below.set(title="Test images that are moved", xlabel="pixels", ylabel="accuracy", ylim=(0, 1.02), xticks=distances)
    below.grid(alpha=0.3)
    below.legend()
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw filters and maps, for example feature_maps.png")
    parser.add_argument("--quick", action="store_true", help="few images and epochs: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))

    (x, y), (x_test, y_test), source = load(*((1000, 200) if args.quick else (6000, 1000)))
    print(f"Data: {source}; {len(x)} images to train on, {len(x_test)} to test on; {backend.current().device}")
    models = {"convolutional": convolutional(), "perceptron": perceptron()}
    for model in models.values():
        model.compile(Adam(), "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=32, epochs=3 if args.quick else 5, verbose=0)

    model = models["convolutional"]
    names = ["conv1", "pool1", "conv2", "pool2"]
    look = Model(model.input, [model.get_layer(name).output for name in names])  # the same layers, with other outputs
    image = x_test[:1]
    maps = {name: values[0] for name, values in zip(names, look.predict(image))}
    moved = {name: values[0] for name, values in zip(names, look.predict(shift(image, 2, -2)))}

    print(f"\nA {y_test[0]}, and the same moved by 2 pixels: how the maps differ once they are moved back, in their middle")
    for name, values in maps.items():
        difference = "has no whole number of pixels to be moved by"
        if name in EDGES:
            by, edge = 2 if name == "conv1" else 1, EDGES[name]  # pooling has made half a pixel of each
            back = np.roll(moved[name], (-by, by), axis=(0, 1))
            middle = slice(edge + by, -edge - by)
            difference = f"largest difference {np.abs(back - values)[middle, middle].max():.0e}"
        print(f"{name:<7} {values.shape!s:<14} {difference}")

    answers = look.predict(bars())[0].max(axis=(1, 2))  # (4 bars, filters): the largest number of each map
    print("\nFilters of conv1: the largest answer to a bar, in parts of the largest of all")
    print("filter", *(f"{j:>5}" for j in range(FILTERS)))
    for bar, row in zip(BARS, answers / answers.max()):
        print(f"   {bar}  ", *(f"{value:>5.2f}" for value in row))
    print("most to  ", "     ".join(np.array(list(BARS))[answers.argmax(axis=0)]))

    distances = [0, 1, 2, 3, 4]
    accuracies = {name: accuracy_when_moved(model, x_test, y_test, distances) for name, model in models.items()}
    print("\nTest accuracy when the images are moved by", *(f"{d:>5}" for d in distances), "pixels")
    for name, accuracy in accuracies.items():
        print(f"{name:<42}", *(f"{value:>5.3f}" for value in accuracy))
    if args.plot:
        plot(args.plot, image[0], models["convolutional"], maps, distances, accuracies)


if __name__ == "__main__":
    main()
