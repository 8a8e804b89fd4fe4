"""Logistic regression three times: by a loop, by matrices, and as a layer. The numbers are the same.

    python examples/logistic_regression.py --plot logistic.png

Is it a 3 or a 5? With the pixels of an image as x, the probability that it is a 5 is

    z = w.x + b            p = sigmoid(z) = 1 / (1 + exp(-z))

and the loss of an image whose target t is 1 for a 5 and 0 for a 3, the cross-entropy, has a very simple derivative:

    L = -(t log p + (1 - t) log(1 - p))         dL/dz = p - t         dL/dw = (p - t) x         dL/db = p - t

Averaged over all n images, with X (n, pixels) as a matrix, that is dL/dw = X^T (p - t) / n: one product of a matrix and a
vector. The loop over images and pixels does the same sums one at a time, in Python, and takes hundreds of times as long.
In minidl it is a Dense layer of one unit; dL/dw comes out of its backward pass. All three start from w = 0, b = 0.

A straight line through 784 dimensions is drawn by looking at w as an image: ink on red pixels speaks for a 5.
"""

import argparse
import math
import time

import numpy as np

import minidl
from minidl import config
from minidl.datasets import digits, mnist
from minidl.errors import DatasetError
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.optimizers import SGD

RATE = 0.1


def load(n_train, n_test):
    """Images (n, 784) of 3s and 5s between 0 and 1, targets (n,) 1.0 for a 5; MNIST where it is found, else built-in digits."""
    try:
        sets, source = mnist.load_data(download=False, verbose=0), "MNIST"
    except DatasetError:
        sets, source = digits.load_data(n_train=20000, n_test=10000), "built-in digits"
    found = []
    for (images, labels), n in zip(sets, (n_train, n_test)):
        chosen = np.flatnonzero((labels == 3) | (labels == 5))[:n]
        found.append((images[chosen].reshape(-1, 784) / 255, (labels[chosen] == 5).astype(float)))
    return *found, source


def by_loops(x, t, steps):
    """Every sum written out: image by image, pixel by pixel. Returns the loss before each step, w and b."""
    images, targets = x.tolist(), t.tolist()
    n, pixels = len(images), len(images[0])
    w, b, losses = [0.0] * pixels, 0.0, []
    for _ in range(steps):
        loss, dw, db = 0.0, [0.0] * pixels, 0.0
        for image, target in zip(images, targets):
            z = b
            for j in range(pixels):
                z += w[j] * image[j]
            p = 1 / (1 + math.exp(-z))
            loss -= (target * math.log(p) + (1 - target) * math.log(1 - p)) / n
            for j in range(pixels):
                dw[j] += (p - target) * image[j] / n
            db += (p - target) / n
        losses.append(loss)
        w = [w[j] - RATE * dw[j] for j in range(pixels)]
        b -= RATE * db
    return losses, np.array(w), b


def by_matrices(x, t, steps):
    """The same sums as products of matrices."""
    n, pixels = x.shape
    w, b, losses = np.zeros(pixels), 0.0, []
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(np.dot(x, w) + b)))
        losses.append(-np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)))
        w = w - RATE * np.dot(x.T, p - t) / n
        b = b - RATE * np.mean(p - t)
    return losses, w, b


def by_minidl(x, t, steps):
    """One layer; a batch is all images, so an epoch is a step. float64, as the other two."""
    with config.use_dtype("float64"):
        model = Sequential([Dense(1, activation="sigmoid", kernel_initializer="zeros", input_shape=(x.shape[1],))])
        model.compile(optimizer=SGD(learning_rate=RATE), loss="binary_crossentropy")
        losses = model.fit(x, t, batch_size=len(x), epochs=steps, shuffle=False, verbose=0).history["loss"]
    W, b = model.get_weights()
    return losses, W[:, 0], b[0]


def plot(path, results, x, t, z):
    """The weights as an image, the losses, and the images it is least sure of or wrong about."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(13, 4.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[8, 5])
    weights, curves = left.subplots(1, 2)
    losses, w, _ = results["matrices"]
    largest = np.abs(w).max()
    shades = weights.imshow(w.reshape(28, 28), cmap="RdBu_r", vmin=-largest, vmax=largest)
    weights.set(title="w: ink on red is for 5, on blue for 3", xticks=[], yticks=[])
    left.colorbar(shades, ax=weights, shrink=0.8)
    curves.plot(losses, color="tab:blue", linewidth=4, alpha=0.4, label="np.dot")
    curves.plot(results["minidl"][0], "--", color="black", linewidth=1.2, label="minidl")
    curves.set(title="Loss of the training images", xlabel="step", ylabel="cross-entropy", yscale="log")
    curves.grid(alpha=0.3)
    curves.legend()
    right.suptitle("Test images, the most wrong first")
    order = np.argsort(z * (2 * t - 1))  # how far on its own side an image is
    for index, axes in zip(order, right.subplots(3, 5).flat):
        axes.imshow(x[index].reshape(28, 28), cmap="gray_r")
        axes.set_axis_off()
        axes.set_title(f"p = {1 / (1 + np.exp(-z[index])):.2f}", fontsize=9)
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", metavar="FILE", help="draw weights, losses and mistakes, for example logistic.png")
    parser.add_argument("--quick", action="store_true", help="few images and steps")
    args = parser.parse_args(argv)
    if args.plot:
        try:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
        except ImportError:
            parser.error('--plot needs matplotlib: pip install "minidl[plot]"')

    minidl.set_seed(1671)  # nothing here is drawn at random
    (x, t), (x_test, t_test), source = load(*((200, 300) if args.quick else (2000, 1800)))
    steps, few = 50 if args.quick else 400, 3  # the loops make few steps only
    print(f"Data: {source}; {len(x)} images of 3 and 5 to train on, {len(x_test)} to test on")

    results = {}
    for name, train, n in (("loops", by_loops, few), ("matrices", by_matrices, steps), ("minidl", by_minidl, steps)):
        start = time.perf_counter()
        results[name] = train(x, t, n)
        seconds = (time.perf_counter() - start) / n
        print(f"{name:<10} {n:>4} steps, {1000 * seconds:9.2f} ms a step")

    print("\nstep   loss by loops   by matrices         by minidl")
    shown = [*range(few), *(step for step in (10, 20, 49, 100, 200, 399) if few <= step < steps)]
    for step in shown:
        slow = f"{results['loops'][0][step]:.10f}" if step < few else "-"
        print(f"{step:>4}   {slow:>13}   {results['matrices'][0][step]:.10f}   {results['minidl'][0][step]:.10f}")
    _, w, b = results["matrices"]
    largest = max(np.abs(w - results["minidl"][1]).max(), abs(b - results["minidl"][2]))
    print(f"The weights of the last two differ by {largest:.0e} at most.")

    z = np.dot(x_test, w) + b
    print(f"\nTest accuracy: {((z > 0) == t_test).mean():.4f} ({source})")
    if args.plot:
        plot(args.plot, results, x_test, t_test, z)


if __name__ == "__main__":
    main()
