"""Two classes, one of them rare: what accuracy hides, and what class weights change.

    python examples/binary.py --plot binary.png

One point in twenty is of the rare class; it lies on an arc that the others surround. A model that never says "rare" is right in
19 of 20 cases, so accuracy says little. The numbers that count the rare class by itself are

    precision  of those called rare, the part that is          recall  of the rare ones, the part that is found
    AUC        the chance that a rare point gets a larger output than a frequent one: no threshold plays a part

The same network is trained twice, the second time with class_weight, so that an error at a rare point counts as much more as
the class is rarer: both classes then weigh the same. The outputs become larger, so more is called rare: recall rises and
precision falls. The order of the outputs, and with it the AUC, hardly changes; the curve says what any other threshold gives.
"""

import argparse
import time

import numpy as np

import minidl
from minidl import backend
from minidl.callbacks import EarlyStopping
from minidl.layers import Dense, Input
from minidl.metrics import AUC, F1Score, Precision, Recall
from minidl.models import Sequential
from minidl.optimizers import Adam

RARE = 0.05  # part of the rare class
COLOURS = {"without class weights": "tab:blue", "with class weights": "tab:orange"}


def points(n, rng):
    """Points (n, 2) and whether each is rare (n,): an arc amid points that are spread everywhere."""
    y = (rng.random(n) < RARE).astype(int)
    angle = rng.uniform(0.1 * np.pi, 1.1 * np.pi, n)
    arc = 1.2 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 0.09, (n, 2))
    return np.where(y[:, None] == 1, arc, rng.normal(0, 1.5, (n, 2))), y


def build(name):
    model = Sequential(
        [Input((2,)), Dense(32, activation="relu"), Dense(32, activation="relu"), Dense(1, activation="sigmoid")], name=name
    )
    metrics = ["accuracy", Precision(name="precision"), Recall(name="recall"), F1Score(name="f1"), AUC(name="auc")]
    model.compile(Adam(learning_rate=0.005), "binary_crossentropy", metrics)
    return model


def roc(y, output):
    """The ROC curve: false alarms and hits for every threshold, from the largest output down."""
    order = np.argsort(-output, kind="stable")
    hits, alarms = np.cumsum(y[order]) / y.sum(), np.cumsum(1 - y[order]) / (1 - y).sum()
    return np.concatenate([[0], alarms]), np.concatenate([[0], hits])


def plot(path, models, x, y):
    """The decision boundary of each model, and the ROC curves with the threshold one half."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, all_axes = plt.subplots(1, 3, figsize=(14.5, 4.7), layout="constrained")
    ticks = np.linspace(-3, 3, 201)
    plane = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    for axes, (title, model) in zip(all_axes, models.items()):
        output = model.predict(plane.reshape(-1, 2)).reshape(plane.shape[:2])
        shades = axes.contourf(ticks, ticks, output, levels=np.linspace(0, 1, 21), cmap="RdBu_r")
        axes.contour(ticks, ticks, output, levels=[0.5], colors="black", linewidths=1.5)
        axes.scatter(*x[y == 0].T, s=5, c="white", edgecolors="gray", linewidths=0.3, label="frequent")
        axes.scatter(*x[y == 1].T, s=22, c="gold", edgecolors="black", linewidths=0.6, label="rare")
        axes.set(title=title, xlabel="x1", aspect="equal", xlim=(-3, 3), ylim=(-3, 3))
    all_axes[0].set_ylabel("x2")
    all_axes[0].legend(loc="lower left", facecolor="lightgray", framealpha=1, markerscale=1.6)
    figure.colorbar(shades, ax=all_axes[:2], label="output (line: one half)", ticks=[0, 0.25, 0.5, 0.75, 1])
    axes = all_axes[2]
    for title, model in models.items():
        output = model.predict(x)[:, 0]
        area = model.evaluate(x, y, verbose=0, return_dict=True)["auc"]
        axes.plot(*roc(y, output), color=COLOURS[title], label=f"{title}: AUC {area:.3f}")
        called = output > 0.5
        axes.plot(
            called[y == 0].mean(), called[y == 1].mean(), "o", color=COLOURS[title], markersize=9, markeredgecolor="black"
        )
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="chance: AUC 0.500")
    axes.set(title="ROC curves (dot: threshold one half)", aspect="equal")
    axes.set(xlabel="part of the frequent ones called rare", ylabel="part of the rare ones found (recall)")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw decision boundaries and ROC curves, for example binary.png")
    parser.add_argument("--quick", action="store_true", help="fewer points and epochs: a few seconds")
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
    (x, y), (x_test, y_test) = points(2000 if args.quick else 8000, rng), points(2000, rng)
    print(f"Data: {len(x)} points to train on, {y.sum()} of them rare; {len(x_test)} to test on, {y_test.sum()} rare")
    print(f"Device: {backend.current().device}")

    counts = np.bincount(y)
    balanced = {label: len(y) / (2 * count) for label, count in enumerate(counts)}
    print(f"Class weights: {balanced[0]:.2f} for frequent points, {balanced[1]:.2f} for rare ones\n")
    models = {}
    for title, weights in (("without class weights", None), ("with class weights", balanced)):
        minidl.set_seed(args.seed)  # the same initial weights for both
        model = models[title] = build(title.replace(" ", "_"))
        stop = EarlyStopping("val_auc", mode="max", patience=10, restore_best_weights=True)
        start = time.perf_counter()
        model.fit(
            x,
            y,
            batch_size=64,
            epochs=20 if args.quick else 60,
            validation_split=0.25,
            class_weight=weights,
            verbose=0,
            callbacks=[stop],
        )
        print(f"{title:<22} best epoch {stop.best_epoch + 1:>2}, {time.perf_counter() - start:.1f} s")

    print(f"\nOn the test points {'accuracy':>13} {'precision':>10} {'recall':>8} {'F1':>8} {'AUC':>8}")
    print(f"{'always frequent':<22} {1 - y_test.mean():>9.3f} {'-':>10} {0:>8.3f} {0:>8.3f} {0.5:>8.3f}")
    for title, model in models.items():
        found = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
        numbers = [found[name] for name in ("accuracy", "precision", "recall", "f1", "auc")]
        print(f"{title:<22} {{:>9.3f}} {{:>10.3f}} {{:>8.3f}} {{:>8.3f}} {{:>8.3f}}".format(*numbers))
        output = model.predict(x_test)[:, 0]
        counts = [int(((output > 0.5) == called)[y_test == rare].sum()) for rare in (1, 0) for called in (True, False)]
        print("    rare: {} found, {} missed; frequent: {} called rare, {} not".format(*counts))
    if args.plot:
        plot(args.plot, models, x_test, y_test)


if __name__ == "__main__":
    main()
