"""A loss that minidl does not have: the pinball loss, which asks for a quantile instead of the mean.

    python examples/custom_loss.py --plot custom_loss.png

With e = target - prediction, and a number a between 0 and 1, the pinball loss (Koenker and Bassett 1978) is

    L = a e          where e > 0: the prediction is too low            dL/dprediction = -a
    L = (a - 1) e    where e < 0: the prediction is too high           dL/dprediction = 1 - a

Where the mean of L is smallest, the slopes balance: a times the part of the targets above the prediction is as much as 1 - a
times the part below. So a part a of them lies below, which is the a-quantile. A network with three outputs and a = 0.1, 0.5 and
0.9 says what to expect, and between what and what four of five targets will be.

A loss is two methods, its values and its gradient, and check_gradients says whether they belong together. At e = 0 the loss has
a corner; no target of the check is hit exactly. docs/own_parts.md tells the rules.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import minidl
from minidl.backend import array_namespace
from minidl.layers import Dense, Input
from minidl.losses import Loss
from minidl.models import Sequential, load_model
from minidl.optimizers import Adam
from minidl.schedules import CosineDecay
from minidl.testing import check_gradients

QUANTILES = (0.1, 0.5, 0.9)


class Pinball(Loss):
    """L_i = mean over j of max(a_j e_ij, (a_j - 1) e_ij) with e = target - prediction; predictions (n, quantiles)."""

    def __init__(self, quantiles=QUANTILES, **options):
        super().__init__(**options)
        self.quantiles = quantiles

    def per_sample(self, y_pred, targets):
        xp = array_namespace(y_pred)  # NumPy, or CuPy where the arrays are on a GPU
        a = xp.asarray(self.quantiles, y_pred.dtype)
        e = targets - y_pred
        return xp.maximum(a * e, (a - 1) * e).mean(axis=-1), (a, e)

    def gradient_of(self, kept, targets, scale):
        a, e = kept
        return scale * ((e < 0) - a) / e.shape[-1]


class Swapped(Pinball):
    """The same with a mistake that is easily made: too low and too high are mixed up."""

    def gradient_of(self, kept, targets, scale):
        a, e = kept
        return scale * ((e < 0) - (1 - a)) / e.shape[-1]


def measured(n, rng):
    """x (n, 1), and measurements (n,) that scatter the more the larger x is, and further upwards than downwards."""
    x = rng.uniform(0, 1, (n, 1))
    scatter = 0.05 + 0.5 * x[:, 0] ** 2
    return x, np.sin(5 * x[:, 0]) + scatter * (rng.gamma(2.0, 1.0, n) - 1.0)


def true_quantiles(x):
    """What the best possible answers would be, by many draws."""
    draws = np.quantile(np.random.default_rng(0).gamma(2.0, 1.0, 200_000), QUANTILES) - 1.0
    return np.sin(5 * x) + (0.05 + 0.5 * x**2) * draws


def train(loss, x, y, epochs):
    model = Sequential([Input((1,)), Dense(32, activation="tanh"), Dense(32, activation="tanh"), Dense(len(QUANTILES))])
    steps = epochs * len(x) // 50
    model.compile(Adam(CosineDecay(0.01, decay_steps=steps)), loss)
    model.fit(x, np.repeat(y[:, None], len(QUANTILES), axis=1), batch_size=50, epochs=epochs, verbose=0)
    return model


def plot(path, model, x, y):
    """The band between the outer quantiles, beside the true one, and the loss for each quantile."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), width_ratios=[2, 1], layout="constrained")
    ticks = np.linspace(0, 1, 200)[:, None]
    low, middle, high = model.predict(ticks).T
    left.scatter(x[:, 0], y, s=5, color="gray", alpha=0.6, edgecolors="none", label="test targets")
    left.fill_between(ticks[:, 0], low, high, color="tab:orange", alpha=0.3, label="0.1 to 0.9, predicted")
    left.plot(ticks, middle, color="tab:red", label="0.5, predicted")
    lines = left.plot(ticks, true_quantiles(ticks), "k--", linewidth=0.9)
    lines[0].set_label("true quantiles")
    left.set(xlabel="x", ylabel="y", title="Four of five targets are in the band")
    left.legend(loc="upper right")
    e = np.linspace(-1, 1, 201)
    for a, colour in zip(QUANTILES, ("tab:blue", "tab:red", "tab:green")):
        right.plot(e, np.maximum(a * e, (a - 1) * e), color=colour, label=f"a = {a}")
    right.set(xlabel="target - prediction", ylabel="loss", title="The pinball loss")
    right.grid(alpha=0.3)
    right.legend()
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw the band of the quantiles, for example custom_loss.png")
    parser.add_argument("--quick", action="store_true", help="fewer samples and epochs: a few seconds")
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

    predictions, targets = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    print(check_gradients(Pinball(), predictions, targets))
    print("\nWith too low and too high mixed up:")
    print(check_gradients(Swapped(), predictions, targets).verdict)

    (x, y), (x_test, y_test) = measured(1000 if args.quick else 4000, rng), measured(1000, rng)
    model = train(Pinball(), x, y, 20 if args.quick else 60)
    predicted = model.predict(x_test)
    print(f"\nTrained on {len(x)} samples. Of {len(x_test)} test targets there are below the output for")
    for j, a in enumerate(QUANTILES):
        wrong = np.abs(predicted[:, j] - true_quantiles(x_test)[:, j]).mean()
        print(f"  a = {a}: {(y_test < predicted[:, j]).mean():6.1%}   (wrong by {wrong:.3f} on average)")
    inside = (y_test > predicted[:, 0]) & (y_test < predicted[:, 2])
    print(f"Inside of the band from 0.1 to 0.9: {inside.mean():.1%}, where 80 % would be right")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "quantiles.safetensors")
        model.save(path)
        again = load_model(path, custom_objects={"Pinball": Pinball})
    same = np.array_equal(again.predict(x_test), predicted)
    print(f"\nSaved and loaded: {again.loss}, {'the same outputs' if same else 'OTHER OUTPUTS'}")
    if args.plot:
        plot(args.plot, model, x_test, y_test)


if __name__ == "__main__":
    main()
