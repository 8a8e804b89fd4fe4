"""A layer that minidl does not have: radial basis functions, with the proof that its gradient is right.

    python examples/custom_layer.py --plot custom_layer.png

A Dense unit answers to one side of a straight line. A unit of this layer answers near a point, its centre c, within a
distance of its own (Broomhead and Lowe 1988; w = log of 1 / (2 sigma^2), so that any w is allowed):

    u_j = x - c_j          q_j = |u_j|^2          y_j = exp(-exp(w_j) q_j)

Backwards, from the end of the formula to its beginning, with dy = dL/dy given:

    ds_j  = -dy_j y_j                              s_j = exp(w_j) q_j is what stands in the exponent, with a minus
    dw_j  = sum over the batch of ds_j s_j         as ds/dw = s
    dc_j  = sum over the batch of -2 e_j u_j       with e_j = ds_j exp(w_j), as dq/du = 2 u and du/dc = -1
    dx    = sum over the units of  2 e_j u_j       as du/dx = 1

Whether that is right is not for the author to say: check_gradients compares it with differences of the forward pass. Then the
layer is used as any other, in a Sequential with Adam. It is saved with the model; who loads it passes the class in.
docs/custom_layer.md tells the rules.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import minidl
from minidl.backend import array_namespace
from minidl.checks import check_integer
from minidl.layers import Dense, Layer
from minidl.models import Sequential, load_model
from minidl.optimizers import Adam
from minidl.testing import check_gradients


class RadialBasis(Layer):
    """y_j = exp(-exp(w_j) |x - c_j|^2): (n, in) -> (n, units)."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = check_integer("RadialBasis", "units", units)

    def build(self, input_shape):
        self.c = self.new_parameter("c", (self.units, input_shape[-1]), "random_normal")
        self.w = self.new_parameter("w", (self.units,), "random_normal")

    def output_shape(self, input_shape):
        return (self.units,)

    def apply(self, x, context):
        xp = array_namespace(x)  # NumPy, or CuPy where the arrays are on a GPU
        u = x[:, None, :] - self.c.value  # (n, units, in)
        s = xp.exp(self.w.value) * (u**2).sum(axis=-1)
        y = xp.exp(-s)  # (n, units)
        return y, ((u, s, y) if context.keep else None)

    def gradient(self, dy, saved, need_dx=True):
        u, s, y = saved
        ds = -dy * y
        e = ds * array_namespace(dy).exp(self.w.value)
        per_unit = 2 * e[:, :, None] * u  # (n, units, in)
        self.w.add_grad((ds * s).sum(axis=0))
        self.c.add_grad(-per_unit.sum(axis=0))
        return per_unit.sum(axis=1) if need_dx else None


class Forgetful(RadialBasis):
    """The same with a mistake: dw is computed with q in the place of s, and so lacks a factor exp(w)."""

    def gradient(self, dy, saved, need_dx=True):
        u, _, y = saved
        return super().gradient(dy, (u, (u**2).sum(axis=-1), y), need_dx)


def islands(n, rng):
    """Points (n, 2) of the plane, and whether each is on one of four islands (n,)."""
    x = rng.uniform(-2, 2, (n, 2))
    centres, radii = np.array([[-1.1, 1.0], [1.2, 1.1], [0.2, -0.1], [-0.9, -1.2]]), np.array([0.6, 0.4, 0.5, 0.55])
    return x, (((x[:, None] - centres) ** 2).sum(axis=-1) < radii**2).any(axis=1).astype(int)


def build(first):
    """A model that begins with the given layer."""
    model = Sequential([first, Dense(1, activation="sigmoid")])
    model.compile(Adam(learning_rate=0.02), "binary_crossentropy", metrics=["accuracy"])
    return model


def plot(path, models, x, y):
    """The output of each model over the plane, with the circles of the units at 1/e."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, all_axes = plt.subplots(1, len(models), figsize=(11, 5), sharey=True, layout="constrained")
    ticks = np.linspace(-2, 2, 161)
    plane = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    for axes, (title, model) in zip(all_axes, models.items()):
        output = model.predict(plane.reshape(-1, 2)).reshape(plane.shape[:2])
        shades = axes.contourf(ticks, ticks, output, levels=np.linspace(0, 1, 21), cmap="RdBu_r")
        axes.contour(ticks, ticks, output, levels=[0.5], colors="black", linewidths=1.5)
        axes.scatter(*x[y == 0].T, s=4, c="white", edgecolors="gray", linewidths=0.3)
        axes.scatter(*x[y == 1].T, s=10, c="gold", edgecolors="black", linewidths=0.4)
        layer = model.layers[0]
        if isinstance(layer, RadialBasis):
            for centre, w in zip(layer.c.value, layer.w.value):
                axes.add_patch(plt.Circle(centre, np.exp(-w / 2), fill=False, color="black", linestyle=":", linewidth=0.8))
        axes.set(title=title, xlabel="x1", xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
    all_axes[0].set_ylabel("x2")
    figure.colorbar(shades, ax=all_axes, label="output (line: one half; dotted: the units)", ticks=[0, 0.25, 0.5, 0.75, 1])
    figure.savefig(path, dpi=120)
    print(f"\nPlot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw what two models learn, for example custom_layer.png")
    parser.add_argument("--quick", action="store_true", help="fewer epochs: a few seconds")
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

    print(check_gradients(RadialBasis(3), rng.normal(size=(5, 2))))
    print("\nWith a mistake in dw:")
    print(check_gradients(Forgetful(3), rng.normal(size=(5, 2))).verdict)

    (x, y), (x_test, y_test) = islands(1000, rng), islands(2000, rng)
    models = {"RadialBasis(10)": build(RadialBasis(10, input_shape=(2,)))}
    models["Dense(10, tanh)"] = build(Dense(10, activation="tanh", input_shape=(2,)))
    print(f"\nFour islands in the plane, {y.mean():.0%} of it. Test accuracy with a hidden layer of 10 units:")
    for title, model in models.items():
        model.fit(x, y, batch_size=32, epochs=15 if args.quick else 60, verbose=0)
        print(f"  {title:<16} {model.evaluate(x_test, y_test, verbose=0)[1]:.3f}   ({model.count_params()} weights)")
    print(f"  {'always water':<16} {1 - y_test.mean():.3f}")

    model = models["RadialBasis(10)"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "islands.safetensors")
        model.save(path)
        again = load_model(path, custom_objects={"RadialBasis": RadialBasis})
    same = np.array_equal(again.predict(x_test), model.predict(x_test))
    print(f"\nSaved and loaded: {again.layers[0]}, {'the same outputs' if same else 'OTHER OUTPUTS'}")
    if args.plot:
        plot(args.plot, models, x, y)


if __name__ == "__main__":
    main()
