"""Which architecture? A random and an evolutionary search for networks that are accurate and quick.

    python examples/architecture_search.py --plot search.png

Search has three parts. The space: convolutions or none, how many layers, how wide, which activation, how much dropout: about
a thousand architectures. The estimate of what an architecture is worth: it is trained for a short time on few images, and its
accuracy on others is combined with its cost into one number (Tan et al., MnasNet, 2019),

    reward = accuracy min(1, (cost / target)^-0.07)

Up to the target only accuracy counts; beyond it, twice the cost must bring about 5 % more accuracy.
And the strategy, which says what is tried next. Random search takes anything. Evolution (Real et al. 2019) keeps a population;
in each round the best of a few that are drawn at random become parents, each child is its parent with one property changed,
and the oldest leave. Both are given the same number of trainings. With so few of them, random search is hard to beat (Li and
Talwalkar 2019): that evolution tries better ones shows in the mean of what it tries, and not always in the best.

The cost is the number of multiplications for one image. Measured time would be another in each run, and with it the search; it
is measured at the end, for those on the Pareto front: the ones that no other beats in both accuracy and cost.

The trainings of a round do not depend on each other, so each core takes one (pip install "minidl[search]"). Each has a process
and a single thread for itself and the same seed: the search finds the same, whatever the number of processes.
"""

import argparse
import time

import numpy as np

import minidl
from minidl.datasets import digits, mnist
from minidl.errors import DatasetError
from minidl.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, Rescaling
from minidl.models import Sequential
from minidl.optimizers import Adam

SPACE = {  # property -> what it may be
    "convolutions": (0, 1, 2),  # each followed by pooling
    "filters": (4, 8, 16),  # of the first; the second has twice as many
    "kernel": (3, 5),
    "hidden": (0, 1, 2),  # Dense layers
    "units": (16, 32, 64, 128),
    "activation": ("relu", "tanh", "elu"),
    "dropout": (0.0, 0.2, 0.4),
}
UNUSED = {"convolutions": ("filters", "kernel"), "hidden": ("units", "dropout")}  # where the number of layers is 0
TARGET, EXPONENT = 200_000, -0.07  # of the reward; the target in multiplications


def load(n_train, n_val):
    """Images (n, 28, 28, 1) and labels to train on and to judge by; MNIST where it is found, else the built-in digits."""
    try:
        (x, y), _ = mnist.load_data(download=False, verbose=0)
        source = "MNIST"
    except DatasetError:
        (x, y), _ = digits.load_data(n_train=n_train + n_val, n_test=1)
        source = "built-in digits"
    x = x[..., None]
    return (x[:n_train], y[:n_train]), (x[n_train : n_train + n_val], y[n_train : n_train + n_val]), source


# -- the space ---------------------------------------------------------------------------------------------------------


def tidy(architecture):
    """What is not used gets its first value, so that equal networks are equal dictionaries."""
    unused = [name for layers, names in UNUSED.items() if architecture[layers] == 0 for name in names]
    if architecture["convolutions"] == architecture["hidden"] == 0:
        unused.append("activation")
    return architecture | {name: SPACE[name][0] for name in unused}


def draw(rng):
    """Any architecture."""
    return tidy({name: values[rng.integers(len(values))] for name, values in SPACE.items()})


def mutate(parent, rng):
    """The parent with one property changed."""
    while True:
        name = list(SPACE)[rng.integers(len(SPACE))]
        child = tidy(parent | {name: SPACE[name][rng.integers(len(SPACE[name]))]})
        if child != parent:
            return child


def build(a):
    model = Sequential([Input((28, 28, 1)), Rescaling(1 / 255)])
    for i in range(a["convolutions"]):
        model.add(Conv2D(a["filters"] * 2**i, a["kernel"], padding="same", activation=a["activation"]))
        model.add(MaxPooling2D(2))
    model.add(Flatten())
    for _ in range(a["hidden"]):
        model.add(Dense(a["units"], activation=a["activation"]))
        if a["dropout"]:
            model.add(Dropout(a["dropout"]))
    model.add(Dense(10, activation="softmax"))
    return model


def multiplications(model):
    """For one image: each weight of a Dense layer is used once, each of a convolution at every place of its map."""
    return sum(
        layer.W.size * (int(np.prod(layer.output_shape(layer.input_shape)[:-1])) if isinstance(layer, Conv2D) else 1)
        for layer in model.layers
        if isinstance(layer, (Conv2D, Dense))
    )


def text(a):
    """An architecture in words, such as "conv 5x5 8 16, dense 64, relu, dropout 0.2"."""
    parts = []
    if a["convolutions"]:
        filters = [str(a["filters"] * 2**i) for i in range(a["convolutions"])]
        parts.append(f"conv {a['kernel']}x{a['kernel']} {' '.join(filters)}")
    if a["hidden"]:
        parts.append("dense " + " ".join([str(a["units"])] * a["hidden"]))
    if a["convolutions"] or a["hidden"]:
        parts.append(a["activation"])
    if a["dropout"]:
        parts.append(f"dropout {a['dropout']}")
    return ", ".join(parts) or "softmax regression"


# -- what an architecture is worth -------------------------------------------------------------------------------------


def evaluate(architecture, data, epochs, seed):
    """Train it for a short time: a row of the record. It runs in a process of its own, or in this one."""
    (x, y), (x_val, y_val) = data
    with minidl.use_threads(1):  # the same sums in the same order, whoever computes them
        minidl.set_seed(seed)
        model = build(architecture)
        model.compile(Adam(learning_rate=0.003), "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
        accuracy = float((model.predict(x_val).argmax(axis=1) == y_val).mean())
    cost = multiplications(model)
    return {"architecture": architecture, "accuracy": accuracy, "cost": cost, "reward": reward(accuracy, cost)}


def reward(accuracy, cost):
    return accuracy * min(1.0, (cost / TARGET) ** EXPONENT)


def evaluate_all(architectures, jobs, *args):
    """The rows of many architectures, in their order."""
    if jobs == 1:
        return [evaluate(architecture, *args) for architecture in architectures]
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):  # loky: new processes, no forks
        return Parallel()(delayed(evaluate)(architecture, *args) for architecture in architectures)


def front(rows):
    """The rows that no other beats in both accuracy and cost, the cheapest first."""
    best, found = -1.0, []
    for row in sorted(rows, key=lambda row: (row["cost"], -row["accuracy"])):
        if row["accuracy"] > best:
            best = row["accuracy"]
            found.append(row)
    return found


# -- strategies --------------------------------------------------------------------------------------------------------


def new(propose, seen):
    """The first proposal that has not been seen."""
    while True:
        architecture = propose()
        if text(architecture) not in seen:
            seen.add(text(architecture))
            return architecture


def random_search(rows, trainings, together, rng, measure):
    """Anything, until there are so many rows."""
    rows, seen = list(rows), {text(row["architecture"]) for row in rows}
    while len(rows) < trainings:
        rows += measure([new(lambda: draw(rng), seen) for _ in range(together)])
    return rows


def evolution(rows, trainings, together, rng, measure):
    """Children of the best of a few; the population is as large as the rows it starts from, and the oldest leave it."""
    rows, seen, population = list(rows), {text(row["architecture"]) for row in rows}, list(rows)

    def child():
        few = [population[i] for i in rng.choice(len(population), 4, replace=False)]
        return mutate(max(few, key=lambda row: row["reward"])["architecture"], rng)

    while len(rows) < trainings:
        children = measure([new(child, seen) for _ in range(together)])
        rows += children
        population = population[together:] + children
    return rows


# -- what is shown -----------------------------------------------------------------------------------------------------


def milliseconds(architecture, image):
    """The median time of one image through a network of this architecture."""
    model, times = build(architecture), []
    with minidl.use_threads(1):
        for _ in range(60):
            start = time.perf_counter()
            model(image)
            times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[10:]))


def plot(path, searches, pareto):
    """Accuracy over cost with the Pareto front, and the best reward after so many trainings."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5), width_ratios=[3, 2], layout="constrained")
    for (name, rows), colour, marker in zip(searches.items(), ("tab:blue", "tab:orange"), "os"):
        points = np.array([(row["cost"], row["accuracy"]) for row in rows])
        left.scatter(*points.T, s=28, marker=marker, color=colour, alpha=0.6, edgecolors="none", label=name)
        rewards = [row["reward"] for row in rows]
        right.plot(rewards, marker, color=colour, markersize=4, alpha=0.5)
        right.plot(np.maximum.accumulate(rewards), color=colour, label=f"{name}, the best so far")
    line = np.array([(row["cost"], row["accuracy"]) for row in pareto])
    left.step(*line.T, where="post", color="black", linewidth=1, label="Pareto front")
    left.plot(*line.T, "k.", markersize=5)
    best = max((row for rows in searches.values() for row in rows), key=lambda row: row["reward"])
    left.plot(best["cost"], best["accuracy"], "*", color="gold", markersize=17, markeredgecolor="black", label="best reward")
    left.set(xscale="log", xlabel="multiplications for one image", ylabel="accuracy after a short training")
    left.set(ylim=(max(0, line[:, 1].min() - 0.1), 1), title=text(best["architecture"]))
    right.set(xlabel="trainings", ylabel="reward")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def workers(wanted):
    """How many processes, and in words why."""
    try:
        import joblib
    except ImportError:
        return 1, 'one process, as joblib is not installed (pip install "minidl[search]")'
    jobs = wanted or joblib.cpu_count()
    return jobs, f"{jobs} processes" if jobs > 1 else "one process"


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=positive, help="processes at a time; default: one for each core")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw accuracy over cost, for example search.png")
    parser.add_argument("--quick", action="store_true", help="few and short trainings: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))

    *data, source = load(*((300, 200) if args.quick else (1000, 1000)))
    trainings, together, epochs = (12, 4, 2) if args.quick else (48, 8, 4)
    jobs, how = workers(args.jobs)
    print(f"Data: {source}; {len(data[0][0])} images to train on, {len(data[1][0])} to judge by; {how}")

    def measure(architectures):
        return evaluate_all(architectures, jobs, data, epochs, args.seed)

    start = time.perf_counter()
    first = random_search([], 2 * together, together, np.random.default_rng(args.seed), measure)  # both begin with these
    searches = {}
    for name, search in (("random", random_search), ("evolution", evolution)):
        searches[name] = search(first, trainings, together, np.random.default_rng(args.seed + 1), measure)
    print(f"{2 * trainings - len(first)} trainings, {time.perf_counter() - start:.0f} s")

    print("\nBest reward after", *(f"{n:>6}" for n in range(together, trainings + 1, together)), "trainings")
    for name, rows in searches.items():
        best = np.maximum.accumulate([row["reward"] for row in rows])
        print(f"{name:<17}", *(f"{value:>6.3f}" for value in best[together - 1 :: together]))
    print("Mean reward of these trainings")
    for name, rows in searches.items():
        means = np.reshape([row["reward"] for row in rows], (-1, together)).mean(axis=1)
        print(f"{name:<17}", *(f"{value:>6.3f}" for value in means))

    rows = list({text(row["architecture"]): row for rows in searches.values() for row in rows}.values())
    pareto, best = front(rows), max(rows, key=lambda row: row["reward"])
    print("\nThe Pareto front                              accuracy  multiplications  reward  ms for an image")
    for row in pareto:
        measured = milliseconds(row["architecture"], data[0][0][:1])
        print(f"{text(row['architecture']):<46} {row['accuracy']:>7.3f} {row['cost']:>16,} {row['reward']:>7.3f}", end="")
        print(f" {measured:>16.2f}{'   <- best reward' if row is best else ''}")
    print(f"\nBest reward: {best['reward']:.3f}: {text(best['architecture'])}")
    if args.plot:
        plot(args.plot, searches, pareto)


if __name__ == "__main__":
    main()
