"""What grows where: every pixel of a picture with many colours is classified by a three-dimensional convolution.

    python examples/hyperspectral_conv3d.py --plot map.png

A hyperspectral camera measures not three colours but a whole spectrum at each pixel. A pixel's class is told from the window
around it, height x width x bands, by convolutions that slide along all three axes: neighbours help, and the shape of the
spectrum does. The network is the one of the lecture, with its pooling along the bands only, for windows of 7 x 7:

    Conv3D 48 (3, 3, 5)    pool (1, 1, 3)    pad (0, 0, 2)    Conv3D 32 (3, 3, 5)    pool    pad    Conv3D 32 (3, 3, 5)    pool
    Dense 128    Dense 128    Dense, one output for each class

Trained are some pixels of each class, the others are judged by

    OA  overall accuracy: the part of all pixels        AA  average accuracy: the mean over the classes
    kappa  agreement beyond chance

The scene is Samson (95 x 95 pixels, 156 bands; soil, tree and water) in the folder MINIDL_DATA; without it, one that is made
up: three materials with spectra of their own, in patches, with noise. Source: Ghent 6.
"""

import argparse
import time

import numpy as np

import minidl
from minidl import backend
from minidl.data import PixelWindows
from minidl.datasets import samson
from minidl.errors import DatasetError
from minidl.layers import Conv3D, Dense, Flatten, Input, MaxPooling3D, ZeroPadding3D
from minidl.metrics import AverageAccuracy, CohenKappa, OverallAccuracy
from minidl.models import Sequential
from minidl.optimizers import Adam

WINDOW = 7
NAMES = ["soil", "tree", "water"]
COLOURS = ["tan", "forestgreen", "steelblue"]


def scene(seed):
    """A cube (height, width, bands), the class of every pixel (height, width), and where they are from."""
    try:
        cube, fractions = samson.load_data()
        return cube, fractions.argmax(axis=-1), "Samson"
    except DatasetError:
        rng, bands = np.random.default_rng(seed), np.linspace(0, 1, 90)
        spectra = np.stack([0.3 + 0.5 * bands, 0.1 + 0.6 / (1 + np.exp(40 * (0.6 - bands))), 0.25 * np.exp(-4 * bands)])
        rough = rng.normal(size=(3, 6, 6)).repeat(10, axis=1).repeat(10, axis=2)  # patches of 10 x 10 pixels
        labels = rough.argmax(axis=0)
        light = rng.uniform(0.7, 1.3, (*labels.shape, 1))
        cube = light * spectra[labels] + rng.normal(0, 0.15, (*labels.shape, len(bands)))
        return cube, labels, "a scene that is made up (MINIDL_DATA names no folder with samson)"


def build(shape, classes):
    layers = [Input(shape)]
    for filters, pool in ((48, 3), (32, 3), (32, 2)):
        layers += [Conv3D(filters, (3, 3, 5), activation="relu"), MaxPooling3D((1, 1, pool))]
        layers += [ZeroPadding3D((0, 0, 2))] if pool == 3 else []
    layers += [Flatten(), Dense(128, activation="relu"), Dense(128, activation="relu"), Dense(classes, activation="softmax")]
    model = Sequential(layers)
    model.compile(Adam(0.001), "sparse_categorical_crossentropy")
    return model


def plot(path, cube, labels, found, train):
    """A picture of the scene, its classes, and what the network says."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.colors import ListedColormap

    figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.5), layout="constrained")
    bands = np.linspace(0, cube.shape[-1] - 1, 5).astype(int)[[3, 2, 1]]
    picture = cube[..., bands] / np.quantile(cube[..., bands], 0.98, axis=(0, 1))
    axes[0].imshow(np.clip(picture, 0, 1))
    axes[0].set_title("three of the bands")
    kinds = ListedColormap(COLOURS)
    axes[1].imshow(labels, cmap=kinds, vmin=0, vmax=2)
    axes[1].plot(train.columns, train.rows, ",", color="black")
    axes[1].set_title("what is there (dots: trained on)")
    axes[2].imshow(found, cmap=kinds, vmin=0, vmax=2)
    axes[2].set_title("what the network says")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS]
    figure.legend(handles, NAMES, loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=150, help="of each class to train on; default: 150")
    parser.add_argument("--epochs", type=int, default=6, help="passes over them; default: 6")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw the scene and the maps, for example map.png")
    parser.add_argument("--quick", action="store_true", help="a corner of the scene, every third band: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))
    if min(args.pixels, args.epochs) < 1:
        parser.error("--pixels and --epochs are at least 1")

    cube, labels, source = scene(args.seed)
    cube, labels = (cube[:48, :48, ::3], labels[:48, :48]) if args.quick else (cube[..., ::2], labels)
    windows = PixelWindows(cube, labels, size=WINDOW, volume=True)
    train, test = windows.split(min(args.pixels, 60) if args.quick else args.pixels, seed=args.seed)
    train = train.standardized("band")
    model = build(train.shape[1:], len(windows.classes))
    print(f"Data: {source}; {cube.shape[0]} x {cube.shape[1]} pixels, {cube.shape[2]} bands")
    print(f"Device: {backend.current().device}; {model.count_params():,} parameters")
    print(f"Trained on {len(train)} pixels, judged on the other {len(test)}")
    start = time.perf_counter()
    model.fit(train, train.y, batch_size=50, epochs=args.epochs, verbose=0)
    trained = time.perf_counter()
    everywhere = windows.everywhere().standardized(train)
    output = model.predict(everywhere)
    print(f"{trained - start:.1f} s for {args.epochs} epochs, {time.perf_counter() - trained:.1f} s for the map\n")
    found = everywhere.to_map(output.argmax(axis=-1)).astype(int)
    is_test = np.ones(labels.shape, bool)
    is_test[train.rows, train.columns] = False
    judged = is_test[everywhere.rows, everywhere.columns]
    for title, judge in (("Overall", OverallAccuracy()), ("Average", AverageAccuracy()), ("Kappa", CohenKappa())):
        judge.update_state(labels[everywhere.rows, everywhere.columns][judged], output[judged])
        print(f"{title}: {100 * judge.result():.2f} %")
    for index, label in enumerate(windows.classes):
        mine = labels[is_test] == label
        print(f"    {NAMES[label]:<6} {100 * (found[is_test][mine] == index).mean():6.2f} % of {mine.sum()}")
    if args.plot:
        plot(args.plot, cube, labels, found, train)


if __name__ == "__main__":
    main()
