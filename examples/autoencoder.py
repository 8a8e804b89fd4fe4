"""Squeeze an image of a digit through 16 numbers, and draw it again from them.

    python examples/autoencoder.py --plot autoencoder.png

Encoder and decoder are one network whose target is its input. What comes through the narrow place has to say all that matters
about an image. The best that straight lines can do is principal component analysis with as many numbers; it stands beside. Then
digits are named by their nearest neighbour, by all 784 pixels and by the 16 numbers.
"""

import argparse
import time

import numpy as np
from mnist_cnn import load

import minidl
from minidl import backend
from minidl.layers import Dense, Input
from minidl.models import Model
from minidl.optimizers import Adam

CODE = 16


def build(units):
    """The whole network; the encoder, which is its first half; the decoder, its second half on an input of its own."""
    image = Input((784,), name="image")
    code = Dense(CODE, name="code")(Dense(units, activation="relu", name="encoder")(image))
    hidden, drawn = Dense(units, activation="relu", name="decoder"), Dense(784, activation="sigmoid", name="drawn")
    whole = Model(image, drawn(hidden(code)))
    numbers = Input((CODE,), name="numbers")
    return whole, Model(image, code), Model(numbers, drawn(hidden(numbers)))


def straight_lines(x, x_test):
    """x_test from its 16 principal components in x."""
    mean = x.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((x - mean).T))
    main = vectors[:, -CODE:]
    return mean + (x_test - mean) @ main @ main.T


def nearest(x, y, x_test, y_test):
    """Accuracy of the nearest neighbour."""
    found = []
    for first in range(0, len(x_test), 500):
        distances = -2 * x_test[first : first + 500] @ x.T + (x**2).sum(axis=1)
        found.append(y[distances.argmin(axis=1)])
    return (np.concatenate(found) == y_test).mean()


def plot(path, images, drawn, lines, between):
    """Images, what came through the network and through straight lines, and the way from one digit to another."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = {"image": images, "autoencoder": drawn, "straight lines": lines, "between two": between}
    figure, all_axes = plt.subplots(len(rows), len(images), figsize=(11, 4.4), layout="constrained")
    figure.suptitle(f"Test images through {CODE} numbers; below, from the numbers of the first to those of the second")
    for row, (name, pictures) in zip(all_axes, rows.items()):
        for axes, picture in zip(row, pictures):
            axes.imshow(picture.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_frame_on(False)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.savefig(path, dpi=100)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw images and what comes through, for example autoencoder.png")
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
    x, x_test = (images.reshape(len(images), -1) / np.float32(255) for images in (x[:20000], x_test[:2000]))
    y, y_test = y[: len(x)], y_test[: len(x_test)]
    units, epochs, batch_size = (128, 20, 32) if args.quick else (256, 12, 64)
    whole, encoder, decoder = build(units)
    print(f"{whole.count_params():,} parameters; {backend.current().device}")

    whole.compile(Adam(0.001), "mse")
    start = time.perf_counter()
    history = whole.fit(x, x, batch_size=batch_size, epochs=epochs, verbose=0).history["loss"]
    print(f"Loss {history[0]:.4f} in the first epoch, {history[-1]:.4f} in the last; {time.perf_counter() - start:.1f} s\n")

    drawn, lines = whole.predict(x_test), straight_lines(x, x_test)
    print("Mean squared error of a test image's pixels:")
    for name, image in (("autoencoder", drawn), ("straight lines", lines), ("mean image", x.mean(axis=0))):
        print(f"Error, {name}: {((x_test - image) ** 2).mean():.4f}")

    code, code_test = encoder.predict(x), encoder.predict(x_test)
    print(f"\nTest accuracy of the nearest neighbour, 784 pixels: {nearest(x, y, x_test, y_test):.4f} ({source})")
    print(f"Test accuracy of the nearest neighbour, {CODE} numbers: {nearest(code, y, code_test, y_test):.4f} ({source})")
    if args.plot:
        count = 12
        part = np.linspace(0, 1, count)[:, None]
        between = decoder.predict((1 - part) * code_test[0] + part * code_test[1])
        plot(args.plot, x_test[:count], drawn[:count], lines[:count], between)


if __name__ == "__main__":
    main()
