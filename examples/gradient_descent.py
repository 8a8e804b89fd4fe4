"""Gradient descent on one weight: the table of deck 004, and what becomes of it with other learning rates.

    python examples/gradient_descent.py --plot descent.png

The error E(w) = 2.25 w^2 - 1.5 w has the gradient dE/dw = 4.5 w - 1.5 and its minimum at w = 1/3. A step of rate r goes from
w to w - r (4.5 w - 1.5): the distance to 1/3 is multiplied by 1 - 4.5 r. For r = 0.1 that is 0.55, so nearly half of
the distance is gone with every step. Below 2/4.5 = 0.444 the factor stays between -1 and 1; above, w runs away.
"""

import argparse

import numpy as np

from minidl.optimizers import SGD
from minidl.parameters import Parameter


def gradient(w):
    return 4.5 * w - 1.5


def descend(rate, steps, start=0.8):
    """w after 0, 1, 2, ... steps."""
    w = Parameter(np.array([start]), "w")
    optimizer = SGD(learning_rate=rate)
    path = [float(w.value[0])]
    for _ in range(steps):
        w.grad = gradient(w.value)
        optimizer.step([w])
        path.append(float(w.value[0]))
    return path


RATES = {
    0.01: "too small: it creeps",
    0.1: "the lecture's",
    2 / 9: "1/4.5, the best: one step",
    0.4: "large: it jumps to and fro",
    0.46: "too large: it runs away",
}


def plot(path, steps):
    """Draw how w comes down the error's parabola, a panel for each rate."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, all_axes = plt.subplots(1, len(RATES), figsize=(14, 3.2), sharey=True, layout="constrained")
    ticks = np.linspace(-0.5, 1.2, 200)
    for axes, (rate, title) in zip(all_axes, RATES.items()):
        w = np.array(descend(rate, steps))
        axes.plot(ticks, 2.25 * ticks**2 - 1.5 * ticks, color="lightgray", linewidth=3)
        axes.plot(w, 2.25 * w**2 - 1.5 * w, "o-", markersize=4, linewidth=1)
        axes.plot(w[0], 2.25 * w[0] ** 2 - 1.5 * w[0], "ko", markersize=6)
        axes.set(title=f"rate {rate:.3g}\n{title}", xlabel="w", xlim=(-0.5, 1.2), ylim=(-0.35, 1.2))
    all_axes[0].set_ylabel("E(w)")
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", metavar="FILE", help="draw the descents, for example descent.png")
    parser.add_argument("--quick", action="store_true", help="for the tests; it takes no time anyway")
    args = parser.parse_args(argv)
    if args.plot:
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            parser.error('--plot needs matplotlib: pip install "minidl[plot]"')

    print("step  w               dE/dw = 4.5 w - 1.5")
    for step, w in enumerate(descend(rate=0.1, steps=25)):
        if step <= 5 or step % 5 == 0:
            print(f"{step:>4}  {w:<14.10g}  {gradient(w):.10f}")

    print("\nAfter 25 steps from 0.8, with a rate of")
    for rate, what in RATES.items():
        w = descend(rate, 25)[-1]
        print(f"{rate:6.3f}: w = {w:9.6f}, the distance to 1/3 times {1 - 4.5 * rate:6.3f} a step  ({what})")
    if args.plot:
        plot(args.plot, 25)


if __name__ == "__main__":
    main()
