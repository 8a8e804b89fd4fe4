"""Five optimizers walk down the same two surfaces: how their paths differ, and who gets away from a saddle.

    python examples/optimizers.py --plot optimizers.png

With g = dE/dw and the rate r, the step of each is (products and roots element by element)

    SGD        w := w - r g
    momentum   v := m v - r g                 w := w + v             a ball: it gathers speed, and swings
    Nesterov   v as before                    w := w + m v - r g     looks where the ball will be
    RMSprop    s := a s + (1 - a) g^2         w := w - r g / (sqrt(s) + e)      each number has a rate of its own
    Adam       v := b v + (1 - b) g           w := w - r v' / (sqrt(s') + e)    both; ' makes up for the start at 0
               s := c s + (1 - c) g^2         v' = v / (1 - b^t), s' = s / (1 - c^t)

Beale's function has its minimum, 0, at (3, 0.5), at the end of a long flat valley with cliffs around it. The saddle x^2 - y^2
falls to both sides of a ridge, and everybody starts almost on the ridge, where hardly any gradient points to a side. The
paths are a well-known figure (S. Ruder, An overview of gradient descent optimization algorithms, 2016). How they come out
depends on the rates, which stand in the first dictionary below: try others.
"""

import argparse

import numpy as np

from minidl.optimizers import SGD, Adam, RMSprop
from minidl.parameters import Parameter

MAKERS = {
    "SGD": lambda: SGD(learning_rate=0.01),
    "momentum": lambda: SGD(learning_rate=0.005, momentum=0.9),
    "Nesterov": lambda: SGD(learning_rate=0.005, momentum=0.9, nesterov=True),
    "RMSprop": lambda: RMSprop(learning_rate=0.02),
    "Adam": lambda: Adam(learning_rate=0.1),
}
COLOURS = ["tab:red", "tab:green", "tab:purple", "tab:cyan", "tab:orange"]
START, MINIMUM = (1.0, 1.5), np.array([3.0, 0.5])  # on Beale's function
RIDGE = (1.0, 0.001)  # the start on the saddle


def beale(x, y):
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def beale_gradient(x, y):
    first, second, third = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    dx = 2 * (first * (y - 1) + second * (y**2 - 1) + third * (y**3 - 1))
    dy = 2 * x * (first + 2 * y * second + 3 * y**2 * third)
    return np.array([dx, dy])


def saddle(x, y):
    return x**2 - y**2


def saddle_gradient(x, y):
    return np.array([2 * x, -2 * y])


def walk(optimizer, gradient, start, steps):
    """The points (steps + 1, 2) that an optimizer comes to."""
    w = Parameter(np.array(start), "w")
    path = [w.value.copy()]
    for _ in range(steps):
        w.grad = gradient(*w.value)
        optimizer.step([w])
        path.append(w.value.copy())
    return np.array(path)


def steps_until(reached):
    """The step from which on it holds for good."""
    return 1 + np.flatnonzero(~reached).max(initial=-1) if reached[-1] else "never"


def plot(path, valleys, saddles):
    """Both surfaces from above with the paths on them, and how far the minimum is after each step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.8), layout="constrained")
    x, y = np.meshgrid(np.linspace(-0.5, 4, 300), np.linspace(-2.2, 2, 300))
    left.contourf(x, y, np.log10(beale(x, y) + 1e-3), levels=30, cmap="Greys", alpha=0.7)
    left.plot(*MINIMUM, "*", color="gold", markersize=16, markeredgecolor="black", zorder=5)
    left.set(title="Beale's function (star: its minimum)", xlim=(-0.5, 4), ylim=(-2.2, 2), xlabel="x", ylabel="y")
    x, y = np.meshgrid(np.linspace(-0.6, 1.2, 200), np.linspace(-0.2, 1.2, 200))
    middle.contourf(x, y, saddle(x, y), levels=30, cmap="Greys", alpha=0.7)
    middle.set(title="x² - y²: who leaves the ridge (dot: step 50)", xlim=(-0.6, 1.2), ylim=(-0.2, 1.2), xlabel="x", ylabel="y")
    for (name, points), colour in zip(valleys.items(), COLOURS):
        left.plot(*points.T, "-", color=colour, linewidth=1.6, label=name)
        left.plot(*points[-1], "o", color=colour, markersize=5)
        middle.plot(*saddles[name].T, "-", color=colour, linewidth=1.6)
        middle.plot(*saddles[name][50], "o", color=colour, markersize=7, markeredgecolor="black", zorder=4)
        right.plot(np.linalg.norm(points - MINIMUM, axis=1), color=colour, linewidth=1.3)
    left.plot(*START, "ks", markersize=6)
    middle.plot(*RIDGE, "ks", markersize=6)
    right.set(title="Beale's function: distance from the minimum", xlabel="step", yscale="log", ylim=(1e-6, 6))
    right.grid(alpha=0.3)
    left.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", metavar="FILE", help="draw the paths, for example optimizers.png")
    parser.add_argument("--quick", action="store_true", help="for the tests; it takes no time anyway")
    args = parser.parse_args(argv)
    if args.plot:
        try:
            import matplotlib  # noqa: F401  (to know it now, not after the walks)
        except ImportError:
            parser.error('--plot needs matplotlib: pip install "minidl[plot]"')

    steps = 1000
    valleys = {name: walk(make(), beale_gradient, START, steps) for name, make in MAKERS.items()}
    saddles = {name: walk(make(), saddle_gradient, RIDGE, steps) for name, make in MAKERS.items()}
    print(f"Beale's function from {START}: steps until it stays near the minimum, and where it is after {steps}")
    print("            within 1   within 0.1   distance at the end   error at the end")
    for name, points in valleys.items():
        distance = np.linalg.norm(points - MINIMUM, axis=1)
        print(f"{name:<10} {steps_until(distance < 1):>9} {steps_until(distance < 0.1):>12}", end="")
        print(f"{distance[-1]:>22.1e} {beale(*points[-1]):>18.1e}")
    print("\nRMSprop divides by the size of the gradient, so its steps stay large where the gradient becomes small:")
    print("it is quick on the way, and then jumps about the minimum unless its rate goes down.")

    print(f"\nThe saddle x^2 - y^2 from {RIDGE}: steps until y is 1")
    for name, points in saddles.items():
        print(f"{name:<10} {steps_until(np.abs(points[:, 1]) > 1):>9}")
    if args.plot:
        plot(args.plot, valleys, saddles)


if __name__ == "__main__":
    main()
