"""The perceptron learns to tell flowers apart: Rosenblatt's rule on Iris.

    python examples/perceptron_iris.py --plot perceptron.png

A flower x = (1, length, width of its sepals) is of one kind where w.x > 0 and of the other where w.x < 0: the output is
sign(w.x). The 1 in front makes w[0] the threshold, with a minus. The targets d are +1 and -1, and the rule is

    go through the flowers; where sign(w.x) is not d:  w := w + d x

Each correction turns w towards a flower that is wrong. If any straight line separates the two kinds, this ends, whatever the
order of the flowers (Novikoff 1962), but not always soon: one small flower makes the gap between setosa and versicolor very
narrow. Versicolor and virginica cannot be separated. There it never ends, and some lines on the way are better than the last.

sign is flat, so backpropagation through it learns nothing. But the rule is what one linear layer does with dL/dy = -d at a
wrong flower and 0 at a right one, and plain SGD with the rate 1. The last part of the run shows that.

Source of the flowers: R. A. Fisher, The use of multiple measurements in taxonomic problems, 1936, measured by E. Anderson
(UCI Machine Learning Repository, Iris, CC BY 4.0; rows 35 and 38 as Fisher has them).
"""

import argparse

import numpy as np

import minidl
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.ops.activation import sign
from minidl.optimizers import SGD

SEPALS = {  # length and width in cm
    "setosa": """
        5.1/3.5 4.9/3.0 4.7/3.2 4.6/3.1 5.0/3.6 5.4/3.9 4.6/3.4 5.0/3.4 4.4/2.9 4.9/3.1 5.4/3.7 4.8/3.4 4.8/3.0
        4.3/3.0 5.8/4.0 5.7/4.4 5.4/3.9 5.1/3.5 5.7/3.8 5.1/3.8 5.4/3.4 5.1/3.7 4.6/3.6 5.1/3.3 4.8/3.4 5.0/3.0
        5.0/3.4 5.2/3.5 5.2/3.4 4.7/3.2 4.8/3.1 5.4/3.4 5.2/4.1 5.5/4.2 4.9/3.1 5.0/3.2 5.5/3.5 4.9/3.6 4.4/3.0
        5.1/3.4 5.0/3.5 4.5/2.3 4.4/3.2 5.0/3.5 5.1/3.8 4.8/3.0 5.1/3.8 4.6/3.2 5.3/3.7 5.0/3.3
    """,
    "versicolor": """
        7.0/3.2 6.4/3.2 6.9/3.1 5.5/2.3 6.5/2.8 5.7/2.8 6.3/3.3 4.9/2.4 6.6/2.9 5.2/2.7 5.0/2.0 5.9/3.0 6.0/2.2
        6.1/2.9 5.6/2.9 6.7/3.1 5.6/3.0 5.8/2.7 6.2/2.2 5.6/2.5 5.9/3.2 6.1/2.8 6.3/2.5 6.1/2.8 6.4/2.9 6.6/3.0
        6.8/2.8 6.7/3.0 6.0/2.9 5.7/2.6 5.5/2.4 5.5/2.4 5.8/2.7 6.0/2.7 5.4/3.0 6.0/3.4 6.7/3.1 6.3/2.3 5.6/3.0
        5.5/2.5 5.5/2.6 6.1/3.0 5.8/2.6 5.0/2.3 5.6/2.7 5.7/3.0 5.7/2.9 6.2/2.9 5.1/2.5 5.7/2.8
    """,
    "virginica": """
        6.3/3.3 5.8/2.7 7.1/3.0 6.3/2.9 6.5/3.0 7.6/3.0 4.9/2.5 7.3/2.9 6.7/2.5 7.2/3.6 6.5/3.2 6.4/2.7 6.8/3.0
        5.7/2.5 5.8/2.8 6.4/3.2 6.5/3.0 7.7/3.8 7.7/2.6 6.0/2.2 6.9/3.2 5.6/2.8 7.7/2.8 6.3/2.7 6.7/3.3 7.2/3.2
        6.2/2.8 6.1/3.0 6.4/2.8 7.2/3.0 7.4/2.8 7.9/3.8 6.4/2.8 6.3/2.8 6.1/2.6 7.7/3.0 6.3/3.4 6.4/3.1 6.0/3.0
        6.9/3.1 6.7/3.1 6.9/3.1 5.8/2.7 6.8/3.2 6.7/3.3 6.7/3.0 6.3/2.5 6.5/3.0 6.2/3.4 5.9/3.0
    """,
}


def pair(negative, positive):
    """Two kinds of flowers as x (n, 3), with a column of ones, and targets d (n,) of -1 and +1."""
    flowers = [[one.split("/") for one in SEPALS[kind].split()] for kind in (negative, positive)]
    d = np.repeat([-1, 1], [len(kind) for kind in flowers])
    return np.column_stack([np.ones(len(d)), np.array(flowers[0] + flowers[1], float)]), d


def learn(x, d, epochs, order):
    """Rosenblatt's rule: w after each epoch, and how many corrections each epoch made."""
    w = np.zeros(x.shape[1])
    path, corrections = [w], []
    for _ in range(epochs):
        made = 0
        for i in order.permutation(len(x)):
            if sign(w @ x[i]) != d[i]:
                w = w + d[i] * x[i]
                made += 1
        path.append(w)
        corrections.append(made)
        if made == 0:  # all flowers were right, one after the other
            break
    return path, corrections


def learn_by_a_layer(x, d, epochs, order):
    """The same as one layer and SGD."""
    layer = Dense(1, kernel_initializer="zeros", dtype="float64")
    layer.build((2,))
    optimizer = SGD(learning_rate=1.0)
    for _ in range(epochs):
        for i in order.permutation(len(x)):
            for p in layer.parameters:
                p.zero_grad()
            y = layer.forward(x[i : i + 1, 1:], training=True)  # (1, 1); the bias of the layer is w[0]
            dy = np.where(sign(y) == d[i], 0.0, -d[i])
            layer.backward(dy)
            optimizer.step(layer.parameters)
    return layer


def plot(path, found):
    """The flowers and the lines on the way, and the corrections of each epoch."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, all_axes = plt.subplots(1, 3, figsize=(14, 4.4), layout="constrained")
    ends = np.array([4.0, 8.2])
    for axes, ((negative, positive), (x, d, path_of_w, corrections)) in zip(all_axes, found.items()):
        for value, kind, marker, colour in ((-1, negative, "o", "tab:blue"), (1, positive, "s", "tab:orange")):
            axes.scatter(*x[d == value, 1:].T, marker=marker, s=28, c=colour, edgecolors="white", linewidths=0.5, label=kind)
        last = len(corrections)
        for epoch in sorted({1, 3, 10, 30, 100, 300, last}):
            if epoch <= last:
                w = path_of_w[epoch]
                style = {"color": "black", "linewidth": 1.8} if epoch == last else {"color": "gray", "linewidth": 0.8}
                axes.plot(ends, -(w[0] + w[1] * ends) / w[2], **style)  # w0 + w1 length + w2 width = 0
        ended = f"separated after {last} epochs" if corrections[-1] == 0 else f"not separated after {last} epochs"
        axes.set(title=f"{negative} and {positive}:\n{ended}", xlabel="length of the sepals (cm)", xlim=ends, ylim=(1.8, 4.7))
        axes.legend(loc="lower right")
    all_axes[0].set_ylabel("width of the sepals (cm)")
    axes = all_axes[2]
    for kinds, (_, _, _, corrections) in found.items():
        axes.plot(np.arange(1, len(corrections) + 1), corrections, linewidth=0.9, label=" and ".join(kinds))
    axes.set(title="Corrections made in an epoch\n(grey lines: after 1, 3, 10, 30, 100, 300)", xlabel="epoch", ylim=(-1, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of the order of the flowers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw flowers, lines and corrections, for example perceptron.png")
    parser.add_argument("--quick", action="store_true", help="fewer epochs")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))

    print("Data: Iris, length and width of the sepals of 50 flowers of each kind")
    found = {}
    for kinds in (("setosa", "versicolor"), ("versicolor", "virginica")):
        x, d = pair(*kinds)
        path, corrections = learn(x, d, 500 if args.quick else 1000, np.random.default_rng(args.seed))
        found[kinds] = (x, d, path, corrections)
        print(f"\n{kinds[0]} (-1) and {kinds[1]} (+1)")
        print("  corrections, epoch by epoch:", *corrections[:20], "..." if len(corrections) > 20 else "")
        wrong = [int((sign(x @ w) != d).sum()) for w in path]
        made = f"{len(corrections)} epochs and {sum(corrections)} corrections"
        if corrections[-1] == 0:
            print(f"  ended after {made}: {wrong[-1]} of {len(x)} are wrong")
        else:
            print(f"  not ended after {made}: {wrong[-1]} of {len(x)} are wrong")
            print(f"  after the best epoch, number {np.argmin(wrong)}, {min(wrong)} were")
        print("  output: sign({:.1f} {:+.1f} length {:+.1f} width)".format(*path[-1]))

    x, d, path, corrections = found["setosa", "versicolor"]
    epochs = min(len(corrections), 20)
    layer = learn_by_a_layer(x, d, epochs, np.random.default_rng(args.seed))
    w = np.concatenate([layer.b.value, layer.W.value[:, 0]])
    print(f"\nDense(1), backward with -d where it is wrong, and SGD with the rate 1, after {epochs} epochs:")
    print("  w = ({:.1f}, {:.1f}, {:.1f});".format(*w), "the rule: ({:.1f}, {:.1f}, {:.1f})".format(*path[epochs]))

    model = Sequential([Dense(1, activation="sign", input_shape=(2,))])
    model.set_weights([path[-1][1:, None], path[-1][:1]])
    right = (model.predict(x[:, 1:])[:, 0] == d).mean()
    print(f"The last w of the rule as a model with the activation sign: {100 * right:.0f} % right")
    if args.plot:
        plot(args.plot, found)


if __name__ == "__main__":
    main()
