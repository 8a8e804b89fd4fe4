"""XOR: the smallest problem that needs a hidden layer.

    python examples/xor.py --plot xor.png

The output is 1 where exactly one of the two inputs is. No single layer can do that. Its output is above one half where
w1 x1 + w2 x2 + b > 0, which for the four points of the table means

    (0, 0) is 0:            b <= 0
    (1, 0) is 1:  w1      + b > 0
    (0, 1) is 1:       w2 + b > 0
    (1, 1) is 0:  w1 + w2 + b <= 0

The two lines in the middle add up to w1 + w2 + 2b > 0, the outer two to w1 + w2 + 2b <= 0. Both cannot be: no straight line
has (0, 1) and (1, 0) on one side, (0, 0) and (1, 1) on the other. A hidden layer first bends the plane.
"""

import argparse

import numpy as np

import minidl
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.optimizers import Adam

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
Y = np.array([0, 1, 1, 0])


def train(layers, steps):
    """A model of these layers, after so many steps on the four points."""
    model = Sequential(layers)
    model.compile(loss="binary_crossentropy", optimizer=Adam(learning_rate=0.05))
    model.fit(X, Y, batch_size=4, epochs=steps, verbose=0)
    return model


def report(title, model):
    print(f"\n{title}: loss {model.evaluate(X, Y, verbose=0):.4f}\n x1  x2 | XOR  output")
    for (x1, x2), y, output in zip(X, Y, model.predict(X)[:, 0]):
        verdict = "right" if abs(output - y) < 0.4 else "wrong" if abs(output - y) > 0.6 else "undecided"
        print(f"{x1:>3} {x2:>3} |{y:>3}  {output:8.4f}   {verdict}")


def plot(path, models):
    """Draw each model's output over the plane and, where it is one half, its decision boundary."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, all_axes = plt.subplots(1, len(models), figsize=(9.5, 4.2), sharey=True, layout="constrained")
    ticks = np.linspace(-0.5, 1.5, 201)
    plane = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    for axes, (title, model) in zip(all_axes, models.items()):
        output = model.predict(plane.reshape(-1, 2)).reshape(plane.shape[:2])
        shades = axes.contourf(ticks, ticks, output, levels=np.linspace(0, 1, 22), cmap="RdBu_r")
        if np.ptp(output) < 0.1:
            title += ": one half everywhere"
        else:
            axes.contour(ticks, ticks, output, levels=[0.5], colors="black", linewidths=1.5)
        for value, marker in ((0, "o"), (1, "s")):
            axes.scatter(*X[value == Y].T, marker=marker, s=90, c="white", edgecolors="black", label=f"XOR = {value}", zorder=2)
        axes.set(title=title, xlabel="x1", aspect="equal", xticks=[0, 1], yticks=[0, 1])
    all_axes[0].set_ylabel("x2")
    all_axes[0].legend(loc="upper left")
    figure.colorbar(shades, ax=all_axes, label="output (line: one half)", ticks=[0, 0.25, 0.5, 0.75, 1])
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", metavar="FILE", help="draw the decision boundaries, for example xor.png")
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    args = parser.parse_args(argv)
    if args.plot:
        try:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
        except ImportError:
            parser.error('--plot needs matplotlib: pip install "minidl[plot]"')

    minidl.set_seed(7)
    steps = 200 if args.quick else 1000
    models = {
        "One layer": train([Dense(1, activation="sigmoid", input_shape=(2,))], steps),
        "With a hidden layer of 4": train(
            [Dense(4, activation="tanh", input_shape=(2,)), Dense(1, activation="sigmoid")], steps
        ),
    }
    for title, model in models.items():
        report(title, model)
    print(
        "\nOne layer draws a straight line, and no straight line has (0, 1) and (1, 0) on one side and (0, 0) and (1, 1)"
        f"\non the other: the best it can do is to say 0.5 to everything, a loss of ln 2 = {np.log(2):.4f}."
    )
    if args.plot:
        plot(args.plot, models)


if __name__ == "__main__":
    main()
