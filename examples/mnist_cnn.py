"""Recognise handwritten digits: softmax regression, a multilayer perceptron, or a convolutional network.

python examples/mnist_cnn.py --quick                    a few seconds
python examples/mnist_cnn.py --model mlp --epochs 20    the lectures' perceptron
python examples/mnist_cnn.py --plot mnist.png           with curves, filters and mistakes
"""

import argparse
import os
import time

import numpy as np

import minidl
from minidl.datasets import digits, mnist
from minidl.errors import BackendError, DatasetError
from minidl.layers import Activation, Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.metrics import confusion_matrix
from minidl.models import Sequential
from minidl.optimizers import SGD, Adam
from minidl.utils import to_categorical

CLASSES = 10
EPOCHS = {"softmax": 20, "mlp": 20, "cnn": 5}  # the lectures give all three 20
QUICK_EPOCHS = {"softmax": 20, "mlp": 20, "cnn": 3}


def build(name):
    """The lectures' models, on images (28, 28, 1) of bytes."""
    model = Sequential([Input((28, 28, 1)), Rescaling(1 / 255)])
    if name == "mlp":
        model.add(Flatten())
        model.add(Dense(128, activation="relu"))
        model.add(Dense(128, activation="relu"))
    elif name == "cnn":
        model.add(Conv2D(20, kernel_size=5, padding="same", activation="relu"))
        model.add(MaxPooling2D(pool_size=2))
        model.add(Conv2D(50, kernel_size=5, padding="same", activation="relu"))
        model.add(MaxPooling2D(pool_size=2))
        model.add(Flatten())
        model.add(Dense(500, activation="relu"))
    else:
        model.add(Flatten())
    model.add(Dense(CLASSES))
    model.add(Activation("softmax"))
    return model


def load(folder=None, quick=False):
    """MNIST, or the built-in digits where it cannot be had: images (n, 28, 28, 1) of bytes, labels (n,); which it is."""
    why_not = ""
    try:
        (x_train, y_train), (x_test, y_test) = mnist.load_data(folder, download=not (folder or quick), verbose=0)
        source = "MNIST"
    except DatasetError as error:
        if folder:
            raise
        (x_train, y_train), (x_test, y_test) = digits.load_data(n_train=1000 if quick else 20000, n_test=2000)
        source, why_not = "built-in digits", f"MNIST is not used: {reason(error, quick)}."
    if quick:
        x_train, y_train, x_test, y_test = x_train[:1000], y_train[:1000], x_test[:300], y_test[:300]
    print(f"Data: {source}; {len(x_train)} images to train on, {len(x_test)} to test on")
    if why_not:
        print(why_not)
    return (x_train[..., np.newaxis], y_train), (x_test[..., np.newaxis], y_test), source


def reason(error, quick):
    """In words, why there is no MNIST."""
    if found := mnist.find_data():
        return f"the files in {found} cannot be used ({error.received})"
    folder = os.environ.get("MINIDL_DATA")
    missing = (
        f"the folder in MINIDL_DATA ({folder}) does not hold it"
        if folder
        else "MINIDL_DATA, the folder that holds mnist/, is not set"
    )
    if quick:
        return f"{missing}, and --quick downloads nothing"
    answer = error.received.partition("; ")[0]  # of the first server: its address, a colon, what it said
    return f"{missing}, and the download failed ({answer.partition(': ')[2] if '://' in answer else answer})"


def print_confusion(y_test, predicted, source):
    """The confusion matrix as a table, and in words what is mixed up most often."""
    counts = confusion_matrix(y_test, predicted, CLASSES)
    print(f"\nConfusion matrix, {source} (row: what it is, column: what it was taken for)")
    print("    " + "".join(f"{digit:>6}" for digit in range(CLASSES)))
    for digit, row in enumerate(counts):
        print(f"{digit:>4}" + "".join(f"{count or '.':>6}" for count in row))
    mistakes = [(counts[a, b], a, b) for a in range(CLASSES) for b in range(CLASSES) if a != b and counts[a, b]]
    worst = [f"{a} taken for {b} ({count}x)" for count, a, b in sorted(mistakes, key=lambda m: -m[0])[:3]]
    print("Most frequent confusions:", ", ".join(worst) or "none")


def plot(path, history, first_weights, x_test, y_test, predicted, source):
    """Draw the training curves, what the first layer looks for, and images the model got wrong."""
    import matplotlib

    matplotlib.use("Agg")  # draw into a file, with or without a screen
    from matplotlib import pyplot as plt

    filters = first_weights[:, :, 0] if first_weights.ndim == 4 else first_weights.reshape(28, 28, -1)
    wrong = np.flatnonzero(predicted != y_test)
    columns = 10
    rows = [-(-min(filters.shape[-1], 20) // columns), max(-(-min(len(wrong), 20) // columns), 1)]
    figure = plt.figure(figsize=(10, 4 + 1.3 * sum(rows)), layout="constrained")
    top, middle, bottom = figure.subfigures(3, height_ratios=[3.4, 0.4 + 1.1 * rows[0], 0.4 + 1.3 * rows[1]])

    top.suptitle(f"Training on {source}")
    for axes, quantity in zip(top.subplots(1, 2), ("loss", "accuracy")):
        epochs = np.arange(1, len(history[quantity]) + 1)
        axes.plot(epochs, history[quantity], "o-", markersize=4, label="training")
        axes.plot(epochs, history[f"val_{quantity}"], "o-", markersize=4, label="validation")
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()

    middle.suptitle("What the first layer looks for (red: ink, blue: no ink)")
    largest = np.abs(filters[..., :20]).max()
    for index, axes in enumerate(middle.subplots(rows[0], columns, squeeze=False).flat):
        axes.axis("off")
        if index < filters.shape[-1]:
            axes.imshow(filters[..., index], cmap="RdBu_r", vmin=-largest, vmax=largest)

    bottom.suptitle(f"{len(wrong)} of {len(y_test)} test images of {source} were taken for another digit")
    for index, axes in enumerate(bottom.subplots(rows[1], columns, squeeze=False).flat):
        axes.axis("off")
        if index < len(wrong):
            axes.imshow(x_test[wrong[index], :, :, 0], cmap="gray_r")
            axes.set_title(f"{y_test[wrong[index]]} taken for {predicted[wrong[index]]}", fontsize=9)
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(EPOCHS), default="cnn", help="default: cnn")
    parser.add_argument("--epochs", type=positive, help="default: 5 for the cnn, else 20 (the lectures: 20)")
    parser.add_argument("--batch-size", type=positive, default=128, help="default: 128")
    parser.add_argument("--device", choices=["cpu", "gpu", "auto"], default="cpu", help="default: cpu")
    parser.add_argument("--data", metavar="FOLDER", help="where MNIST lies; otherwise it is looked for, and downloaded")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw curves, filters and mistakes, for example mnist.png")
    parser.add_argument("--quick", action="store_true", help="1000 images, 3 epochs of the cnn, no download: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        minidl.set_backend({"cpu": "numpy", "gpu": "cupy", "auto": "auto"}[args.device])
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except (BackendError, ValueError) as error:
        parser.error(str(error))
    return parser, args


def main(argv=None):
    parser, args = arguments(argv)
    epochs = args.epochs or (QUICK_EPOCHS if args.quick else EPOCHS)[args.model]
    try:
        (x_train, y_train), (x_test, y_test), source = load(args.data, args.quick)
    except DatasetError as error:
        parser.error(str(error))

    model = build(args.model)
    model.summary()
    optimizer = Adam() if args.model == "cnn" else SGD()
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    start = time.perf_counter()
    history = model.fit(
        x_train, to_categorical(y_train, CLASSES), batch_size=args.batch_size, epochs=epochs, validation_split=0.2
    )
    seconds = time.perf_counter() - start

    loss, accuracy = model.evaluate(x_test, to_categorical(y_test, CLASSES), verbose=0)
    print(f"\nTest loss: {loss:.5f}\nTest accuracy: {accuracy:.4f} ({source})\nTime per epoch: {seconds / epochs:.2f} s")
    predicted = model.predict(x_test).argmax(axis=1)
    print_confusion(y_test, predicted, source)
    if args.plot:
        plot(args.plot, history.history, model.get_weights()[0], x_test, y_test, predicted, source)


if __name__ == "__main__":
    main()
