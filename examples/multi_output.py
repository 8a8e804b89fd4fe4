"""One network, two answers: which digit it is, and how thick the pen was.

    python examples/multi_output.py --plot multi_output.png

Both heads stand on the same convolutions. Each has a loss of its own, cross-entropy for the digit and the mean squared error
for the thickness, and what is trained is their weighted sum

    L = w_digit L_digit + w_thickness L_thickness

With a weight of 0 a head learns nothing, and the network is one for the other question alone. So three trainings say what each
question costs by itself, and what is lost, or gained, where one set of convolutions serves both.

The thickness is measured in the image: a stroke of length l and width w covers l w pixels, and grey changes along its two
edges, 2 l in all. So w is 2 times the sum of the greys (0 to 1) divided by the sum of the lengths of their gradients.
"""

import argparse
import time

import numpy as np

import minidl
from minidl import backend
from minidl.datasets import digits
from minidl.initializers import Constant
from minidl.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.models import Model
from minidl.optimizers import Adam
from minidl.schedules import CosineDecay

USUAL = 2.5  # pixels: where the thickness begins, so that its first errors do not drown those of the digit
WEIGHTS = {
    "digit alone": {"digit": 1.0, "thickness": 0.0},
    "thickness alone": {"digit": 0.0, "thickness": 1.0},
    "both": {"digit": 1.0, "thickness": 1.0},
}


def thickness(images):
    """The width of the pen in pixels (n,), for images (n, 28, 28) of bytes."""
    grey = images / 255
    down, across = np.diff(grey, axis=1, append=0), np.diff(grey, axis=2, append=0)
    return 2 * grey.sum(axis=(1, 2)) / np.hypot(down, across).sum(axis=(1, 2))


def load(n_train, n_test):
    """Images (n, 28, 28, 1) and the two targets by name, for training and test."""
    (x_train, y_train), (x_test, y_test) = digits.load_data(n_train=n_train, n_test=n_test)
    pairs = ((x_train, y_train), (x_test, y_test))
    return [(x[..., None], {"digit": y, "thickness": thickness(x)}) for x, y in pairs]


def build():
    """Convolutions with two heads, which are called as their layers."""
    x = Input((28, 28, 1), name="image")
    h = Rescaling(1 / 255)(x)
    for filters in (8, 16):
        h = Conv2D(filters, kernel_size=5, padding="same", activation="relu")(h)
        h = MaxPooling2D(pool_size=2)(h)
    h = Dense(64, activation="relu")(Flatten()(h))
    digit = Dense(10, activation="softmax", name="digit")(h)
    return Model(x, [digit, Dense(1, bias_initializer=Constant(USUAL), name="thickness")(h)])


def plot(path, histories, x, y, digit, width):
    """Both heads over the epochs, predicted against measured thickness, and images with what was said about them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(13, 6.4), layout="constrained")
    top, bottom = figure.subfigures(2, height_ratios=[3.2, 2.4])
    all_axes = top.subplots(1, 3)
    panels = (("digit_accuracy", "digit: accuracy"), ("thickness_mae", "thickness: mean absolute error (pixels)"))
    for axes, (name, title) in zip(all_axes, panels):
        for (what, history), colour in zip(histories.items(), ("tab:blue", "tab:orange", "tab:green")):
            if WEIGHTS[what][name.partition("_")[0]]:
                epochs = np.arange(1, len(history[name]) + 1)
                axes.plot(epochs, history[name], ":", color=colour)
                axes.plot(epochs, history[f"val_{name}"], "o-", color=colour, markersize=4, label=what)
        axes.set(title=f"{title}\n(dotted: training)", xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    axes, ends = all_axes[2], [y["thickness"].min() - 0.1, y["thickness"].max() + 0.1]
    shades = axes.scatter(y["thickness"], width, s=7, c=y["digit"], cmap="tab10", vmin=-0.5, vmax=9.5)
    axes.plot(ends, ends, color="black", linewidth=0.8)
    axes.set(title="thickness of the test images (pixels)", xlabel="measured", ylabel="predicted", xlim=ends, ylim=ends)
    top.colorbar(shades, ax=axes, ticks=range(10), label="digit")

    columns, rows = 12, 2
    bottom.suptitle("Test images from the thinnest to the thickest: the digit and the thickness that the network says")
    order = np.argsort(width)[np.linspace(0, len(width) - 1, columns * rows).astype(int)]
    for index, axes in zip(order, bottom.subplots(rows, columns).flat):
        axes.axis("off")
        axes.imshow(x[index, :, :, 0], cmap="gray_r")
        right = digit[index] == y["digit"][index]
        axes.set_title(f"{digit[index]}: {width[index]:.1f} px", fontsize=9, color="black" if right else "red")
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw curves, thickness and images, for example multi_output.png")
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

    (x, y), (x_test, y_test) = load(*((500, 300) if args.quick else (3000, 1000)))
    print(f"Data: built-in digits; {len(x)} images to train on, {len(x_test)} to test on; {backend.current().device}")
    print(f"The pen is {y['thickness'].min():.1f} to {y['thickness'].max():.1f} pixels wide.\n")
    build().summary()
    print()

    histories, found, model = {}, {}, None
    epochs = 3 if args.quick else 7
    steps = len(x) * 4 // 5 // 32  # in an epoch: four fifths of the images in batches of 32
    for what, loss_weights in WEIGHTS.items():
        minidl.set_seed(args.seed)  # the same initial weights for each
        model = build()
        model.compile(
            optimizer=Adam(CosineDecay(0.003, decay_steps=epochs * steps)),
            loss={"digit": "sparse_categorical_crossentropy", "thickness": "mse"},
            loss_weights=loss_weights,
            metrics={"digit": ["accuracy"], "thickness": ["mae"]},
        )
        start = time.perf_counter()
        histories[what] = model.fit(x, y, batch_size=32, epochs=epochs, validation_split=0.2, verbose=0).history
        found[what] = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
        print(f"{what:<16} loss {histories[what]['loss'][-1]:.4f}, {time.perf_counter() - start:.1f} s")

    print("\nOn the test images  accuracy of the digit  error of the thickness (pixels)")
    for what, results in found.items():
        accuracy = f"{results['digit_accuracy']:.3f}" if WEIGHTS[what]["digit"] else "-"
        error = f"{results['thickness_mae']:.3f}" if WEIGHTS[what]["thickness"] else "-"
        print(f"{what:<18} {accuracy:>22} {error:>32}")
    mean = np.abs(y_test["thickness"] - y["thickness"].mean()).mean()
    print(f"{'always the mean':<18} {'0.100':>22} {mean:>32.3f}")
    if args.plot:
        digit, width = model.predict(x_test)
        plot(args.plot, histories, x_test, y_test, digit.argmax(axis=1), width[:, 0])


if __name__ == "__main__":
    main()
