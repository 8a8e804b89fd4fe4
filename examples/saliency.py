"""Which pixels a network looks at: three maps of a digit, and a test whether they tell the truth.

    python examples/saliency.py --plot saliency.png

A network says "3". Backpropagation, which usually goes on to the weights, can go on to the pixels x as well. With z the number
that the network has for the digit it says, before softmax, there are

    gradient           |dz/dx|             where a small change of the pixel would change z   (Simonyan et al. 2014)
    SmoothGrad         mean of dz/dx over noisy copies of the image, then its size           (Smilkov et al. 2017)
    gradient x input   x dz/dx             how much the ink that is there speaks for z; negative: against it

A map is only a picture until it is put to the test. So the pixels with ink are removed, those first that a map calls most
important, and the network is asked again. The better the map, the fewer pixels it takes until the network says something else.
Pixels in a random order show what removing does by itself.

model.input_gradient(x, digit) gives dz/dx for many images at once; minidl.visual.saliency(model, x) draws it for one.
"""

import argparse

import numpy as np

import minidl
from minidl import backend
from minidl.datasets import digits, mnist
from minidl.errors import DatasetError
from minidl.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.losses import SparseCategoricalCrossentropy
from minidl.models import Sequential
from minidl.optimizers import Adam

MAPS = ("random", "gradient", "SmoothGrad", "gradient x input")


def load(n_train, n_test):
    """Images (n, 28, 28, 1) from 0 to 255 and labels; MNIST where it is found, else the built-in digits."""
    try:
        (x, y), (x_test, y_test) = mnist.load_data(download=False, verbose=0)
        source = "MNIST"
    except DatasetError:
        (x, y), (x_test, y_test) = digits.load_data(n_train=n_train, n_test=n_test)
        source = "built-in digits"
    x, x_test = (images[..., None].astype("float32") for images in (x[:n_train], x_test[:n_test]))
    return (x, y[:n_train]), (x_test, y_test[:n_test]), source


def build():
    """A small convolutional network that ends before softmax: its outputs are the numbers z."""
    model = Sequential([Input((28, 28, 1)), Rescaling(1 / 255)])
    for filters in (8, 16):
        model.add(Conv2D(filters, kernel_size=5, padding="same", activation="relu"))
        model.add(MaxPooling2D(pool_size=2))
    model.add(Flatten())
    model.add(Dense(10))
    model.compile(Adam(), SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def maps_of(model, x, rng, copies):
    """Name -> map (n, 28, 28) for images x, of the digit that the network says of each."""
    said = np.eye(10)[model.predict(x).argmax(axis=1)]  # (n, 10): the score is the sum of z times this
    gradient = model.input_gradient(x, said)
    noisy = [model.input_gradient(x + rng.normal(0, 40, x.shape).astype("float32"), said) for _ in range(copies)]
    found = {
        "random": rng.random(x.shape),
        "gradient": np.abs(gradient),
        "SmoothGrad": np.abs(np.mean(noisy, axis=0)),
        "gradient x input": x * gradient,
    }
    return {name: values[..., 0] for name, values in found.items()}


def without(x, importance, number):
    """The images without the ``number`` most important of their pixels with ink."""
    flat = np.where(x[..., 0] > 0, importance, -np.inf).reshape(len(x), -1)
    first = np.argsort(-flat, axis=1, kind="stable")[:, :number]
    left = x.reshape(len(x), -1).copy()
    np.put_along_axis(left, first, 0, axis=1)
    return left.reshape(x.shape)


def plot(path, x, said, maps, numbers, accuracy):
    """Some digits with their maps, and the accuracy as pixels are removed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(13, 6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[7, 5])
    shown = [int(np.flatnonzero(said == digit)[0]) for digit in range(10) if (said == digit).any()][:6]
    left.suptitle("Digits, and which pixels speak for what the network says")
    for row, name in zip(left.subplots(4, len(shown)), ("the image", *MAPS[1:])):
        row[0].set_ylabel(name)
        for axes, index in zip(row, shown):
            axes.set(xticks=[], yticks=[])
            if name == "the image":
                axes.imshow(x[index, :, :, 0], cmap="gray_r")
                axes.set_title(f"says {said[index]}", fontsize=10)
            elif name == "gradient x input":
                largest = np.abs(maps[name][index]).max()
                axes.imshow(maps[name][index], cmap="RdBu_r", vmin=-largest, vmax=largest)
            else:
                axes.imshow(maps[name][index], cmap="inferno")
    axes = right.subplots()
    for (name, values), marker in zip(accuracy.items(), "xosD"):
        axes.plot(numbers, values, f"{marker}-", markersize=5, label=name)
    axes.set(title="The most important pixels are removed", xlabel="pixels removed", ylabel="images of which it says the same")
    axes.set(ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw the maps and the test, for example saliency.png")
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

    (x, y), (x_test, y_test), source = load(*((1000, 100) if args.quick else (6000, 500)))
    print(f"Data: {source}; {len(x)} images to train on, {len(x_test)} to look at; {backend.current().device}")
    model = build()
    model.fit(x, y, batch_size=32, epochs=3 if args.quick else 4, verbose=0)
    print(f"Accuracy of the {len(x_test)}: {model.evaluate(x_test, y_test, verbose=0)[1]:.3f}")

    maps = maps_of(model, x_test, np.random.default_rng(args.seed), copies=10 if args.quick else 25)
    said = model.predict(x_test).argmax(axis=1)
    numbers = [0, 5, 10, 20, 30, 40, 60, 80]
    same = {
        name: [float((model.predict(without(x_test, maps[name], n)).argmax(axis=1) == said).mean()) for n in numbers]
        for name in MAPS
    }
    print(f"\nThe images have {np.count_nonzero(x_test) / len(x_test):.0f} pixels with ink. It says the same as before of")
    print("pixels removed  ", *(f"{n:>6}" for n in numbers))
    for name, values in same.items():
        print(f"{name:<16}", *(f"{value:>6.2f}" for value in values))
    if args.plot:
        plot(args.plot, x_test, said, maps, numbers, same)


if __name__ == "__main__":
    main()
