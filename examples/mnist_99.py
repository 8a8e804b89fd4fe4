"""MNIST to 99 % in one pass over its images: about a second of training on two cores.

    python examples/mnist_99.py
    python examples/mnist_99.py --plot mnist_99.png        with the learning rate, the loss, and every mistake

A small network that learns fast takes the place of a large one that learns long. An image costs it 234,272 multiplications;
the network of mnist_cnn.py takes 6,522,000, and several passes. This is what makes it fast:

* Only the middle of the images, 23 x 23 pixels, is looked at. Digits seldom reach further.
* The first convolution has stride 2, so that the second one has a quarter of the positions to look at.
* Batch normalisation behind the hidden layer allows a learning rate of 0.03, thirty times Adam's default.
* The learning rate rises and then falls to almost 0, once (OneCycle). Adam forgets faster than usual (0.7 and 0.9 in place of
  0.9 and 0.999), as all is over after 469 steps.
* Labels are smoothed: the loss asks for a certainty of 91 %, not of 100 %.

Sizes and rates were chosen by training on the first 50,000 training images and testing on the 10,000 others. There the mean
accuracy over ten seeds is 99.07 %. Without label smoothing it is 98.84 %, without batch normalisation (and with the rate
0.01) 98.96 %, without both 98.66 %, with Adam's usual 0.9 and 0.999 it is 99.00 %; whole images give 99.12 %, in twice the
time. On the test images, after training on all 60,000, the mean over the seeds 0 to 29 is 99.16 %.
"""

import argparse
import time

import numpy as np
from mnist_cnn import load

import minidl
from minidl.callbacks import LambdaCallback
from minidl.errors import DatasetError
from minidl.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.losses import CategoricalCrossentropy
from minidl.models import Sequential
from minidl.optimizers import Adam
from minidl.schedules import OneCycle
from minidl.utils import to_categorical

BATCH = 128


def middle(images):
    """The part (n, 23, 23, 1) of images (n, 28, 28, 1) that the network sees."""
    return np.ascontiguousarray(images[:, 3:26, 3:26])


def rate_over(steps):
    """The learning rate as a function of the step."""
    return OneCycle(0.03, steps, pct_start=0.2, anneal_strategy="linear")


def recipe(steps):
    """The network, compiled for so many steps of training; it takes bytes (n, 23, 23, 1) and labels as one-hot rows."""
    model = Sequential(
        [
            Input((23, 23, 1)),
            Rescaling(1 / 255),
            Conv2D(8, kernel_size=5, strides=2, activation="relu"),
            Conv2D(32, kernel_size=3, activation="relu"),
            MaxPooling2D(pool_size=2),
            Flatten(),
            Dense(128, use_bias=False),
            BatchNormalization(momentum=0.9),
            Activation("relu"),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile(Adam(rate_over(steps), beta_1=0.7, beta_2=0.9), CategoricalCrossentropy(label_smoothing=0.1))
    return model


def train(model, x, y, epochs=1, callbacks=()):
    """What the time of training is measured of."""
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=list(callbacks))


def accuracy(model, x, labels):
    """The part of the images that is recognised, and what each was taken for."""
    predicted = model.predict(x, batch_size=1000).argmax(axis=1)
    return (predicted == labels).mean(), predicted


def plot(path, means, steps, images, labels, predicted, source):
    """Draw the learning rate and the mean loss step by step, and the test images that are taken for another digit."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    wrong = np.flatnonzero(predicted != labels)
    figure = plt.figure(figsize=(11, 6.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[4, 7])

    left.suptitle(f"Training on {source}")
    rate, loss = left.subplots(2, 1, sharex=True)
    rate.plot([rate_over(steps)(step) for step in range(steps)])
    rate.set_ylabel("learning rate")
    loss.plot(means)
    loss.set(xlabel="step", ylabel="mean loss of the pass so far")
    for axes in (rate, loss):
        axes.grid(alpha=0.3)

    right.suptitle(f"{len(wrong)} of {len(labels)} test images are taken for another digit")
    for place, index in enumerate(wrong[:96], start=1):
        axes = right.add_subplot(8, 12, place)
        axes.axis("off")
        axes.imshow(images[index, :, :, 0], cmap="gray_r")
        axes.set_title(f"{labels[index]} as {predicted[index]}", fontsize=8, pad=2)
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FOLDER", help="where MNIST lies; otherwise it is looked for, and downloaded")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw rate, loss and mistakes, for example mnist_99.png")
    parser.add_argument("--quick", action="store_true", help="1000 images, 20 passes, no download: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))

    clock = [time.perf_counter()]
    try:
        (train_images, train_labels), (test_images, test_labels), source = load(args.data, args.quick)
    except DatasetError as error:
        parser.error(str(error))
    x, y, x_test = middle(train_images), to_categorical(train_labels, 10), middle(test_images)
    clock.append(time.perf_counter())

    epochs = 20 if args.quick else 1
    steps = epochs * -(-len(x) // BATCH)
    model = recipe(steps)
    minidl.warmup(model, BATCH, verbose=0)
    clock.append(time.perf_counter())

    means = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: means.append(logs["loss"]))
    train(model, x, y, epochs, [watch] if args.plot else [])
    clock.append(time.perf_counter())

    right, predicted = accuracy(model, x_test, test_labels)
    clock.append(time.perf_counter())

    for what, seconds in zip(("Loading", "Compiling", "Training", "Testing"), np.diff(clock)):
        print(f"{what}: {seconds:.3f} s")
    print(f"Test accuracy: {right:.4f} ({source})")
    if args.plot:
        plot(args.plot, means, steps, test_images, test_labels, predicted, source)


if __name__ == "__main__":
    main()
