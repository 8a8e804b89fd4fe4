"""Training by hand: the steps that ``model.fit`` makes, written out. No Model, no compile, no callbacks.

    python examples/low_level.py --quick

A layer is a function with parameters. ``forward`` computes y and remembers what the way back will need; ``backward`` takes
dL/dy, adds to the gradients of the parameters and returns dL/dx, which is dL/dy of the layer below. So a network is a list:
through it forwards for the prediction, backwards for the gradients. Then the optimizer makes its step.
"""

import argparse
import time

import numpy as np
from mnist_cnn import load, positive

import minidl
from minidl.layers import Conv2D, Dense, Flatten, MaxPooling2D, Rescaling
from minidl.losses import SparseCategoricalCrossentropy
from minidl.optimizers import Adam


def predict(layers, images, batch_size=256):
    """Scores (n, 10), batch by batch; a layer that is called keeps nothing for a way back."""
    scores = []
    for start in range(0, len(images), batch_size):
        y = images[start : start + batch_size]
        for layer in layers:
            y = layer(y)
        scores.append(y)
    return np.concatenate(scores)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=positive, help="default: 5")
    parser.add_argument("--quick", action="store_true", help="few images, no download: a few seconds")
    args = parser.parse_args(argv)

    epochs = args.epochs or (2 if args.quick else 5)
    minidl.set_seed(1671)
    (x_train, y_train), (x_test, y_test), source = load(quick=args.quick)
    layers = [
        Rescaling(1 / 255),
        Conv2D(8, kernel_size=5, padding="same", activation="relu"),
        MaxPooling2D(pool_size=2),
        Flatten(),
        Dense(100, activation="relu"),
        Dense(10),
    ]
    shape = x_train.shape[1:]
    for layer in layers:  # each is built for what comes out of the one before
        layer.build(shape)
        shape = layer.output_shape(shape)
    parameters = [p for layer in layers for p in layer.parameters]
    print(f"{len(layers)} layers, {sum(p.size for p in parameters):,} parameters")

    loss = SparseCategoricalCrossentropy(from_logits=True)  # softmax and cross-entropy in one
    optimizer = Adam(learning_rate=0.001)
    order = np.random.default_rng(1671)
    batch_size = 32

    for epoch in range(epochs):
        start, total = time.perf_counter(), 0.0
        shuffled = order.permutation(len(x_train))
        for first in range(0, len(shuffled), batch_size):
            batch = shuffled[first : first + batch_size]

            for p in parameters:  # gradients add up until they are told not to
                p.zero_grad()

            y = x_train[batch]  # forwards: the input of a layer is the output of the one before
            for layer in layers:
                y = layer.forward(y, training=True)

            value, saved = loss.apply(y, y_train[batch])  # how wrong, and which way is down

            dy = loss.gradient(saved)  # backwards: the same list, read from its end
            for layer in reversed(layers):
                dy = layer.backward(dy)

            optimizer.step(parameters)  # a small step down
            total += float(value) * len(batch)
        seconds = time.perf_counter() - start
        print(f"Epoch {epoch + 1}/{epochs}: loss {total / len(x_train):.4f}, {seconds:.1f} s")

    scores = predict(layers, x_test)
    value, _ = loss.apply(scores, y_test)
    print(f"Test loss: {float(value):.5f}\nTest accuracy: {(scores.argmax(axis=1) == y_test).mean():.4f} ({source})")


if __name__ == "__main__":
    main()
