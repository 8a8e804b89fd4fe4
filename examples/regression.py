"""Regression on a table of numbers: the prices of flats, some of which were typed in with a digit too many.

    python examples/regression.py --plot regression.png

The table is made up, so that the best possible result is known: a price is a smooth function of six columns plus noise. In one
of 25 rows of the training data it is ten times too large, as in tables that people have typed. With e = predicted - true, the
same network is trained with three losses:

    mean squared error   e^2                                          dL/de = 2 e: large errors decide
    absolute error       |e|                                          dL/de = sign e: all errors pull alike
    Huber                e^2 / 2 up to delta, delta |e| - ... beyond  dL/de = e, but no more than delta

The columns have units of their own, from kilometres to years, so each is standardised first: (x - mean) / standard deviation
of the training rows. L2 keeps the weights small, and EarlyStopping ends when the validation rows gain no more.
"""

import argparse
import time

import numpy as np

import minidl
from minidl import backend
from minidl.callbacks import EarlyStopping
from minidl.layers import Dense, Input
from minidl.losses import Huber
from minidl.models import Sequential
from minidl.optimizers import Adam
from minidl.regularizers import L2

COLUMNS = ["area", "rooms", "floor", "year", "distance", "balcony"]
NOISE = 15.0  # standard deviation of prices, in thousands
LOSSES = {"mean squared error": "mse", "absolute error": "mae", "Huber, delta 0.2": Huber(delta=0.2)}
UNIT = 100.0  # the network's output 1 is a price of 100 thousand


def table(n, rng):
    """``n`` flats (n, 6) and their prices in thousands (n,)."""
    area = rng.uniform(25, 150, n)
    rooms = np.clip(np.round(area / 28 + rng.normal(0, 0.6, n)), 1, 7)
    floor = rng.integers(0, 9, n)
    year = rng.integers(1890, 2025, n)
    distance = rng.gamma(2.0, 2.5, n)
    balcony = rng.random(n) < 0.5
    per_area = 2.0 + 2.5 * np.exp(-distance / 4) + 0.8 * ((year - 1960) / 60) ** 2  # old and new ones are dear
    price = area * per_area + 6 * rooms + 3 * floor + 18 * balcony + rng.normal(0, NOISE, n)
    return np.column_stack([area, rooms, floor, year, distance, balcony]).astype(float), price


def as_frame(x, price):
    """The table as pandas shows it, where pandas is installed; else as an array."""
    try:
        import pandas
    except ImportError:
        return x
    frame = pandas.DataFrame(x, columns=COLUMNS)
    print(f"\n{frame.assign(price=price).head(4).round(1).to_string(index=False)}\n")
    return frame


def build():
    return Sequential(
        [
            Input((len(COLUMNS),)),
            Dense(64, activation="relu", kernel_regularizer=L2(1e-4)),
            Dense(64, activation="relu", kernel_regularizer=L2(1e-4)),
            Dense(1),
        ]
    )


def least_squares(x, y, x_test):
    """Predictions of the best linear function."""
    weights, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)
    return np.column_stack([x_test, np.ones(len(x_test))]) @ weights


def plot(path, true, predictions):
    """Predicted against true prices for each loss, and what each loss makes of an error."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, all_axes = plt.subplots(1, 4, figsize=(15, 4.5), layout="constrained")
    colours = ["tab:red", "tab:blue", "tab:green"]
    largest = 1.05 * max(true.max(), *(p.max() for p in predictions.values()))
    for axes, colour, (title, predicted) in zip(all_axes, colours, predictions.items()):
        axes.plot([0, largest], [0, largest], color="black", linewidth=0.8, zorder=3)
        axes.scatter(true, predicted, s=8, alpha=0.4, color=colour, edgecolors="none")
        error = np.abs(predicted - true).mean()
        axes.set(title=f"{title}\nwrong by {error:.1f} on average", xlabel="true price (thousands)", aspect="equal")
        axes.set(xlim=(0, largest), ylim=(0, largest))
    all_axes[0].set_ylabel("predicted price (thousands)")
    e = np.linspace(-1.5, 1.5, 301)
    huber = np.where(np.abs(e) < 0.2, e**2 / 2, 0.2 * (np.abs(e) - 0.1))
    for colour, title, loss in zip(colours, predictions, (e**2, np.abs(e), huber)):
        all_axes[3].plot(e, loss, color=colour, label=title)
    all_axes[3].set(title="What an error costs", xlabel="predicted - true (100 thousands)", ylabel="loss")
    all_axes[3].legend()
    all_axes[3].grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw predicted against true prices, for example regression.png")
    parser.add_argument("--quick", action="store_true", help="a smaller table: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))

    rng = np.random.default_rng(args.seed)
    (x, price), (x_test, price_test) = table(800 if args.quick else 4000, rng), table(1000, rng)
    mistyped = np.arange(len(x)) % 25 == 7
    price = np.where(mistyped, 10 * price, price)
    print(f"Data: {len(x)} flats to train on, {len(x_test)} to test on; {backend.current().device}")
    print(f"{mistyped.sum()} of the prices to train on are ten times too large; those of the test are right.")
    x = as_frame(x, price)

    mean, deviation = np.asarray(x).mean(axis=0), np.asarray(x).std(axis=0)  # of the training rows, for the test rows too
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    predictions = {}
    for name, loss in LOSSES.items():
        minidl.set_seed(args.seed)  # the same initial weights for each
        model = build()
        model.compile(Adam(learning_rate=0.003), loss, metrics=["mae"])
        stop = EarlyStopping(patience=10, restore_best_weights=True)
        start = time.perf_counter()
        history = model.fit(
            x, price / UNIT, batch_size=32, epochs=100, validation_split=0.2, verbose=0, callbacks=[stop]
        ).history
        seconds = time.perf_counter() - start
        predictions[name] = UNIT * model.predict(x_test)[:, 0]
        print(f"{name:<18}  {len(history['loss']):>3} epochs, best {stop.best_epoch + 1:>3}, {seconds:.1f} s")

    print("\nMean absolute error of the test prices, in thousands:")
    straight = UNIT * least_squares(np.asarray(x), price / UNIT, x_test)
    rows = {"a straight line (least squares)": straight, **{f"the network, {name}": p for name, p in predictions.items()}}
    for name, predicted in rows.items():
        print(f"  {name:<33}{np.abs(predicted - price_test).mean():>7.1f}")
    print(f"  {'the noise alone':<33}{NOISE * np.sqrt(2 / np.pi):>7.1f}")
    if args.plot:
        plot(args.plot, price_test, predictions)


if __name__ == "__main__":
    main()
