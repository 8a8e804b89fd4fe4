"""Every picture that minidl.visual draws, from models trained on the built-in digits; docs/visual.md shows them.

    python examples/pictures.py                    into the folder pictures
    python examples/pictures.py docs/images        what the page shows, made again

It takes less than a minute.
"""

import argparse
from pathlib import Path

import numpy as np

import minidl
from minidl import visual
from minidl.datasets import digits
from minidl.layers import Add, Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.models import Model, Sequential
from minidl.optimizers import SGD, Adam


def network():
    """A small convolutional network for images (28, 28, 1) of bytes."""
    return Sequential(
        [
            Input((28, 28, 1)),
            Rescaling(1 / 255),
            Conv2D(16, kernel_size=7, activation="relu"),
            MaxPooling2D(pool_size=2),
            Conv2D(16, kernel_size=3, activation="relu"),
            MaxPooling2D(pool_size=2),
            Flatten(),
            Dense(10, activation="softmax"),
        ],
        name="digits",
    )


def train(x, y, optimizer, epochs):
    """A trained network, and the history of its training."""
    model = network()
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, model.fit(x, y, batch_size=32, epochs=epochs, validation_split=0.2, verbose=2)


def branches():
    """A network with two branches, a skip, and a block that is used twice."""
    x = Input((28, 28, 8), name="images")
    block = Sequential(
        [Input((28, 28, 8)), Conv2D(8, 3, padding="same", activation="relu"), Conv2D(8, 3, padding="same")], name="block"
    )
    h = Add()([block(x), x])
    wide = Conv2D(8, 5, padding="same", name="wide")(h)
    h = Add()([block(h), wide, h])
    return Model(x, Dense(10, activation="softmax")(Flatten()(h)), name="branches")


def spirals(n, turns, rng):
    """Points (n, 2) on three arms that wind around each other, and their arm (n,)."""
    arm, t = np.arange(n) % 3, np.sqrt(rng.uniform(0.02, 1, n))
    angle = 2 * np.pi * (turns * t + arm / 3)
    return np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1) + rng.normal(scale=0.03, size=(n, 2)), arm


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="pictures", help="where the pictures go; default: pictures")
    parser.add_argument("--quick", action="store_true", help="few images and epochs: a few seconds")
    args = parser.parse_args(argv)
    try:
        import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('the pictures need matplotlib: pip install "minidl[plot]"')
    folder = Path(args.folder)
    folder.mkdir(parents=True, exist_ok=True)

    minidl.set_seed(1671)
    images, epochs = (300, 2) if args.quick else (4000, 8)
    (x_train, y_train), (x_test, y_test) = digits.load_data(n_train=images, n_test=1000)
    x_train, x_test = x_train[..., None], x_test[..., None]
    model, history = train(x_train, y_train, Adam(), epochs)
    _, slower = train(x_train, y_train, SGD(learning_rate=0.05), epochs)

    figure = visual.curves(history)
    figure.savefig(folder / "curves.png")

    figure = visual.curves({"Adam": history, "SGD, rate 0.05": slower}, ["accuracy"])
    figure.savefig(folder / "curves_compared.png")

    predicted = model.predict(x_test)
    figure = visual.confusion(y_test, predicted)
    figure.savefig(folder / "confusion.png")

    figure = visual.filters(model)
    figure.savefig(folder / "filters.png")

    figure = visual.feature_maps(model, x_test[2], "conv2d_1")
    figure.savefig(folder / "feature_maps.png")

    figure = visual.saliency(model, x_test[2])
    figure.savefig(folder / "saliency.png")

    points, arms = spirals(300, 0.8, np.random.default_rng(1671))
    plane = Sequential(
        [Dense(32, activation="tanh", input_shape=(2,)), Dense(32, activation="tanh"), Dense(3, activation="softmax")]
    )
    plane.compile(optimizer=Adam(learning_rate=0.01), loss="sparse_categorical_crossentropy")
    plane.fit(points, arms, batch_size=32, epochs=20 * epochs, verbose=0)
    figure = visual.decision_boundary(plane, points, arms, classes=["first arm", "second arm", "third arm"])
    figure.savefig(folder / "decision_boundary.png")

    visual.graph(model).save(folder / "graph.svg")

    visual.graph(branches(), expand=True).save(folder / "graph_branches.svg")

    print(f"The pictures are in {folder}")


if __name__ == "__main__":
    main()
