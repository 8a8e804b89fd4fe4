"""Restricted Boltzmann machines against all states added up, numerical integrals, and chains by the ten thousand."""

import itertools

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend.random import SAMPLE, Stream, words
from minidl.boltzmann import RBM
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError, ShapeError
from minidl.ops import boltzmann as ops
from minidl.schedules import ExponentialDecay
from tests.gpu.test_layers import on_the_stand_in

RANDOM = np.random.default_rng(7)
VISIBLE, HIDDEN = 4, 3
KINDS = ("bernoulli", "gaussian")


def states(units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=units)))


V, H = states(VISIBLE), states(HIDDEN)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def weights(seed=0, visible=VISIBLE, hidden=HIDDEN, scale=1.0):
    random = np.random.default_rng(seed)
    return [scale * random.normal(size=shape) for shape in ((visible, hidden), (visible,), (hidden,))]


def machine(kind="bernoulli", seed=0, visible=VISIBLE, **options):
    """A machine in float64 whose weights are large enough to matter."""
    with config.use_dtype("float64"):
        rbm = RBM(HIDDEN, kind, seed=5, **options)
        rbm.build((visible,))
    rbm.set_weights(weights(seed, visible))
    return rbm


def plain_energy(v, h, W, b, c, kind):
    """Of one pair, in plain Python."""
    joint = sum(v[i] * W[i][j] * h[j] for i in range(len(v)) for j in range(len(h)))
    of_v = -sum(map(np.prod, zip(v, b))) if kind == "bernoulli" else sum((x - y) ** 2 for x, y in zip(v, b)) / 2
    return of_v - sum(map(np.prod, zip(h, c))) - joint


# -- the mathematics ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_energy_and_free_energy(kind):
    W, b, c = weights()
    v = V if kind == "bernoulli" else RANDOM.normal(size=(5, VISIBLE))
    table = np.array([[plain_energy(one, h, W, b, c, kind) for h in H] for one in v])
    for index, h in enumerate(H):
        np.testing.assert_allclose(ops.energy(v, np.tile(h, (len(v), 1)), W, b, c, kind), table[:, index], rtol=1e-12)
    np.testing.assert_allclose(ops.free_energy(v, W, b, c, kind), -np.log(np.exp(-table).sum(axis=1)), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_conditional_probabilities_follow_from_the_energy(kind):
    W, b, c = weights()
    v = V if kind == "bernoulli" else RANDOM.normal(size=(5, VISIBLE))
    p = np.array([[np.exp(-plain_energy(one, h, W, b, c, kind)) for h in H] for one in v])
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ops.hidden_probabilities(v, W, c), p @ H, rtol=1e-12)  # E[h | v]
    if kind == "bernoulli":
        q = np.array([[np.exp(-plain_energy(one, h, W, b, c, kind)) for one in V] for h in H])
        q /= q.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(ops.visible_means(H, W, b, kind), q @ V, rtol=1e-12)  # E[v | h]


def test_the_gaussian_mean_is_where_the_energy_is_least():
    W, b, c = weights()
    mean = ops.visible_means(H, W, b, "gaussian")
    least = ops.energy(mean, H, W, b, c, "gaussian")
    for shift in 0.1 * RANDOM.normal(size=(4, VISIBLE)):
        above = ops.energy(mean + shift, H, W, b, c, "gaussian") - least
        np.testing.assert_allclose(above, (shift**2).sum() / 2, rtol=1e-10)  # variance 1


def test_the_partition_function_is_the_sum_over_all_states():
    rbm = machine()
    W, b, c = rbm.get_weights()
    total = sum(np.exp(-plain_energy(v, h, W, b, c, "bernoulli")) for v in V for h in H)
    assert rbm.log_partition() == pytest.approx(np.log(total), rel=1e-12)
    assert np.exp(rbm.log_likelihood(V)).sum() == pytest.approx(1, rel=1e-12)


@pytest.mark.more
def test_the_partition_function_of_gaussian_units_is_an_integral():
    rbm = machine("gaussian", visible=2)
    line = np.linspace(-14, 14, 561)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(rbm.log_likelihood(grid))
    assert density.sum() * (line[1] - line[0]) ** 2 == pytest.approx(1, rel=1e-9)


def test_large_energies_do_not_overflow():
    with config.use_dtype("float32"):
        rbm = RBM(2, seed=0)
        rbm.build((2,))
    rbm.set_weights([np.full((2, 2), 1e3), np.full(2, 1e3), np.zeros(2)])
    assert rbm.log_partition() == pytest.approx(6e3)
    assert rbm.log_likelihood(np.ones((1, 2)))[0] == pytest.approx(0, abs=1e-2)


def exact_model_terms(rbm):
    """E[v^T p], E[v] and E[p] of the machine's own distribution, by all its states."""
    W, _, c = rbm.get_weights()
    p_of_v = np.exp(rbm.log_likelihood(V))
    p = sigmoid(V @ W + c)
    return (V * p_of_v[:, None]).T @ p, p_of_v @ V, p_of_v @ p


def test_gradients_of_the_exact_likelihood():
    """By central differences of mean log p(v), with log Z by all states: the two terms, and their order and sign."""
    rbm, data = machine(), RANDOM.integers(0, 2, (6, VISIBLE)).astype(float)
    W, _, c = rbm.get_weights()
    p = sigmoid(data @ W + c)
    vp, v_mean, p_mean = exact_model_terms(rbm)
    expected = [vp - data.T @ p / 6, v_mean - data.mean(axis=0), p_mean - p.mean(axis=0)]
    h = 1e-5
    for parameter, gradient in zip(rbm.parameters, expected):
        for index in np.ndindex(parameter.shape):
            values = []
            for sign in (1, -1):
                parameter.value[index] += sign * h
                values.append(-rbm.log_likelihood(data).mean())
                parameter.value[index] -= sign * h
            assert (values[0] - values[1]) / (2 * h) == pytest.approx(gradient[index], abs=1e-8)


def test_contrast_of_plain_loops():
    v, p, v_model, p_model = (RANDOM.normal(size=(n, m)) for n, m in ((5, 3), (5, 2), (4, 3), (4, 2)))
    dW, db, dc = ops.contrast_grads(v, p, v_model, p_model)
    for i, j in np.ndindex(3, 2):
        expected = sum(v_model[n, i] * p_model[n, j] for n in range(4)) / 4 - sum(v[n, i] * p[n, j] for n in range(5)) / 5
        assert dW[i, j] == pytest.approx(expected)
    np.testing.assert_allclose(db, v_model.sum(0) / 4 - v.sum(0) / 5)
    np.testing.assert_allclose(dc, p_model.sum(0) / 4 - p.sum(0) / 5)


@pytest.mark.more
@pytest.mark.parametrize("persistent", [False, True])
def test_many_chains_find_the_exact_gradient(persistent):
    """CD-25 of 20,000 chains: its terms are those of all states, to the noise of so many draws."""
    n = 20000
    rbm = machine(k=25, persistent=persistent, learning_rate=1e-12, momentum=0.0, weight_decay=0.0)
    rbm._step(V[np.arange(n) % len(V)].copy(), n)
    W, _, c = machine().get_weights()
    p = sigmoid(V @ W + c)
    vp, v_mean, p_mean = exact_model_terms(machine())
    for parameter, gradient in zip(rbm.parameters, [vp - V.T @ p / 16, v_mean - V.mean(0), p_mean - p.mean(0)]):
        np.testing.assert_allclose(parameter.grad, gradient, atol=4.5 * 0.5 / np.sqrt(n))
    assert (rbm.chains is not None) == persistent


@pytest.mark.more
@pytest.mark.parametrize("kind", KINDS)
def test_a_gibbs_step_leaves_the_models_distribution_as_it_is(kind):
    """v drawn exactly: h by its probabilities from all states, then v given h. Mean and covariance stay as they are."""
    n, rbm = 40000, machine(kind, seed=3)
    W, b, c = rbm.get_weights()
    log_p = ops.log_sum_of_hidden(H, W, b, c, kind)
    p = np.exp(log_p - ops.log_sum(log_p))
    h = H[RANDOM.choice(len(H), n, p=p)]
    mean = ops.visible_means(h, W, b, kind)
    v = (RANDOM.random(mean.shape) < mean).astype(float) if kind == "bernoulli" else mean + RANDOM.normal(size=mean.shape)
    after = rbm.sample(steps=1, start=v)  # E[v' | h']
    expected = p @ ops.visible_means(H, W, b, kind)
    spread = mean.std(axis=0) / np.sqrt(n)
    assert (np.abs(after.mean(axis=0) - expected) < 4.5 * spread).all()
    np.testing.assert_allclose(np.cov(after.T), np.cov(mean.T), atol=0.05 * np.cov(mean.T).max())


def test_draws_are_those_of_the_one_generator():
    p = RANDOM.random((5, 3))
    drawn = ops.sample_bernoulli(p, (1, 2), 3, 4, SAMPLE)
    expected = words((1, 2), (3, 4, SAMPLE), 15).reshape(5, 3) / 2**32 < p
    np.testing.assert_array_equal(drawn, expected.astype(float))
    ends = np.array([[0.0, 1.0]] * 1000, "float32")
    np.testing.assert_array_equal(ops.sample_bernoulli(ends, (1, 2), 0, 0, SAMPLE), ends)
    assert ops.sample_bernoulli(ends, (1, 2), 0, 0, SAMPLE).dtype == np.float32


# -- training ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("persistent", [False, True])
def test_a_step_by_hand(kind, persistent):
    """Two steps of CD-2, momentum and weight decay, with the same random numbers."""
    rbm = machine(kind, k=2, persistent=persistent, learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    W, b, c = rbm.get_weights()
    stream, chains, velocity = Stream(5, 0), None, [0, 0, 0]
    batches = [RANDOM.random((3, VISIBLE)) for _ in range(2)]
    for step, v in enumerate(batches):
        call = itertools.count()

        def draw(p):
            return (words(stream.key, (step, next(call), SAMPLE), p.size).reshape(p.shape) / 2**32 < p).astype(float)  # noqa: B023

        model = v if chains is None or not persistent else chains
        for _ in range(2):
            h = draw(sigmoid(model @ W + c))
            mean = h @ W.T + b
            if kind == "bernoulli":
                model = draw(sigmoid(mean))
            else:
                model = mean + stream.generator(SAMPLE, step, next(call)).standard_normal(mean.shape)
        chains = model
        p, q = sigmoid(v @ W + c), sigmoid(model @ W + c)
        gradients = [(model.T @ q - v.T @ p) / 3, (model - v).mean(axis=0), (q - p).mean(axis=0)]
        velocity = [0.9 * old - 0.1 * g for old, g in zip(velocity, gradients)]
        W, b, c = (w + change for w, change in zip((W * (1 - 0.1 * 0.01), b, c), velocity))
        back = sigmoid(sigmoid(v @ rbm.W.value + rbm.c.value) @ rbm.W.value.T + rbm.b.value)
        if kind == "gaussian":
            back = sigmoid(v @ rbm.W.value + rbm.c.value) @ rbm.W.value.T + rbm.b.value
        assert rbm._step(v, 3) == pytest.approx(((v - back) ** 2).sum())
        for ours, expected in zip(rbm.get_weights(), (W, b, c)):
            np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


BARS = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], float)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("options", [{}, {"k": 3}, {"persistent": True}, {"persistent": True, "k": 2}], ids=str)
def test_the_exact_likelihood_rises(options):
    data = np.repeat(BARS, 20, axis=0)
    rates = {"learning_rate": 0.1, "momentum": 0.0} if "persistent" in options else {"learning_rate": 0.1, "momentum": 0.8}
    rbm = RBM(4, seed=2, weight_decay=0.0, **rates, **options)  # persistent chains must keep up with the weights
    rbm.build((6,))
    before = rbm.log_likelihood(data).mean()
    history = rbm.fit(data, batch_size=20, epochs=300 if "persistent" in options else 100, verbose=0)
    assert before == pytest.approx(-6 * np.log(2), abs=0.05)
    assert rbm.log_likelihood(data).mean() > -2.4  # log 3 = 1.1 is the least there is
    assert list(history) == ["reconstruction_error"]
    assert history["reconstruction_error"][-1] < 0.5 * history["reconstruction_error"][0]


def test_gaussian_units_learn_two_clusters():
    minidl.set_seed(1)
    data = np.repeat([[1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]], 100, axis=0) + 0.3 * RANDOM.normal(size=(200, 3))
    rbm = RBM(4, "gaussian", learning_rate=0.02)
    rbm.build((3,))
    before = rbm.log_likelihood(data).mean()
    rbm.fit(data, batch_size=20, epochs=80, verbose=0)
    assert rbm.log_likelihood(data).mean() > before + 0.3
    dreams = rbm.sample(400, steps=50)
    signs = np.sign(dreams)
    assert ((signs[:, 0] == signs[:, 1]) & (signs[:, 1] == -signs[:, 2])).mean() > 0.8


def test_one_seed_one_result():
    def run(seed):
        rbm = RBM(3, seed=seed)
        history = rbm.fit(np.repeat(BARS, 7, axis=0), batch_size=4, epochs=3, verbose=0)
        return [*rbm.get_weights(), rbm.sample(2, 3), rbm.sample(2, 3), np.array(history["reconstruction_error"])]

    first, again, other = run(1), run(1), run(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[3], first[4])  # another dream at each call
    minidl.set_seed(4)
    a = RBM(3)
    a.build((6,))
    b = RBM(3)
    b.build((6,))
    minidl.set_seed(4)
    c = RBM(3)
    c.build((6,))
    assert np.array_equal(a.W.value, c.W.value)
    assert not np.array_equal(a.W.value, b.W.value)
    assert a.W.value.std() == pytest.approx(0.01, rel=0.5)


def test_order_batches_and_the_callers_array():
    data = np.repeat(BARS, 7, axis=0)[:, ::-1]
    before = data.copy()
    shuffled, ordered = RBM(3, seed=1), RBM(3, seed=1)
    shuffled.fit(data, batch_size=4, epochs=1, verbose=0)
    ordered.fit(data, batch_size=4, epochs=1, verbose=0, shuffle=False)
    assert not np.array_equal(shuffled.W.value, ordered.W.value)
    assert shuffled.steps == 6  # 21 samples: the last batch has one
    np.testing.assert_array_equal(data, before)
    pieces = RBM(3, seed=1)
    for _ in range(2):
        pieces.fit(data, batch_size=21, epochs=1, verbose=0)
    whole = RBM(3, seed=1)
    whole.fit(data, batch_size=21, epochs=2, verbose=0)
    np.testing.assert_array_equal(pieces.W.value, whole.W.value)  # fit goes on where it was


def test_persistent_chains_go_on_and_begin_again_with_another_batch_size():
    data = np.repeat(BARS, 7, axis=0)
    rbm = RBM(3, seed=1, persistent=True)
    rbm.fit(data, batch_size=8, epochs=1, verbose=0)
    assert rbm.chains.shape == (8, 6)
    rbm.fit(data, batch_size=30, epochs=1, verbose=0)  # more chains than samples
    assert rbm.chains.shape == (30, 6)


def test_history_with_validation_and_printed_lines(capsys):
    data = np.repeat(BARS, 7, axis=0)
    rbm = RBM(3, seed=1)
    history = rbm.fit(data, epochs=2, validation_data=1 - BARS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(history["free_energy_gap"]) == len(history["reconstruction_error"]) == 2
    assert lines[1].startswith("RBM: epoch 2/2 - ")
    assert f"reconstruction_error: {history['reconstruction_error'][1]:.4f} - free_energy_gap: " in lines[1]
    expected = rbm.free_energy(data[:3]).mean() - rbm.free_energy(1 - BARS).mean()
    assert history["free_energy_gap"][1] == pytest.approx(expected)
    assert rbm.fit(data, epochs=1, verbose=0) is not None
    assert capsys.readouterr().out == ""


def test_what_is_reported_is_what_is_there():
    rbm = machine()
    v = RANDOM.random((5, VISIBLE))
    W, b, c = rbm.get_weights()
    p = sigmoid(v @ W + c)
    np.testing.assert_allclose(rbm.hidden_probabilities(v), p)
    np.testing.assert_allclose(rbm.visible_means(p), sigmoid(p @ W.T + b))
    assert rbm.reconstruction_error(v) == pytest.approx(((v - sigmoid(p @ W.T + b)) ** 2).mean())
    assert rbm.hidden_probabilities(v[:0]).shape == (0, HIDDEN)
    assert repr(rbm) == "<RBM: 4 visible (bernoulli), 3 hidden>"
    assert repr(RBM(2)) == "<RBM: not built (bernoulli), 2 hidden>"
    v[...] = 0  # the results are not views
    rbm.get_weights()[0][...] = 0
    assert rbm.W.value.any()


def test_defaults():
    rbm, gaussian = RBM(3), RBM(3, "gaussian")
    assert (rbm.k, rbm.persistent, rbm.visible, rbm.seed) == (1, False, "bernoulli", None)
    assert (rbm.optimizer.learning_rate, gaussian.optimizer.learning_rate) == (0.1, 0.01)
    assert (rbm.optimizer.momentum, rbm.optimizer.weight_decay) == (0.5, 0.0002)
    data = np.repeat(BARS, 70, axis=0)
    rbm.fit(data, verbose=0)
    assert rbm.steps == 10 * 3  # epochs of 210 samples in batches of 100
    scheduled = RBM(2, learning_rate=ExponentialDecay(0.1, 10, 0.5))
    scheduled.fit(data, epochs=1, verbose=0)
    with config.use_dtype("float64"):
        assert RBM(2).dtype == "float64"


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"hidden": 0}, "hidden=0"),
        ({"hidden": 2, "visible": "gausian"}, "visible='gausian'.*Did you mean 'gaussian'"),
        ({"hidden": 2, "visible": 784}, "visible=784"),
        ({"hidden": 2, "k": 0}, "k=0"),
        ({"hidden": 2, "persistent": 1}, "persistent=1"),
        ({"hidden": 2, "momentum": 1.0}, "momentum=1.0"),
        ({"hidden": 2, "seed": -1}, "seed=-1"),
        ({"hidden": 2, "learning_rate": "fast"}, "learning_rate"),
    ],
)
def test_arguments_out_of_range(arguments, words):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=words):
        RBM(**arguments)


@pytest.mark.parametrize(
    "data, error, words",
    [
        (255 * BARS, DataError, r"v\[0, 0\] = 255.0; expected numbers from 0 to 1.*x / 255"),
        (BARS - 0.5, DataError, r"v\[0, 2\] = -0.5"),
        (np.where(BARS == 1, np.nan, BARS), DataError, r"v\[0, 0\] = nan"),
        (BARS.reshape(3, 3, 2), ShapeError, r"v of shape \(3, 3, 2\).*reshape"),
        (BARS[:, :0], ShapeError, r"v of shape \(3, 0\)"),
        (BARS[:0], DataError, "no samples"),
        (BARS.astype(complex), ArgumentTypeError, "complex"),
        (np.full((2, 2), "x"), ArgumentTypeError, "x"),
    ],
)
def test_data_that_is_none(data, error, words):
    rbm = RBM(2)
    with pytest.raises(error, match=words):
        rbm.fit(data, verbose=0)


def test_gaussian_data_may_have_any_finite_size():
    with pytest.raises(DataError, match=r"v\[0, 0\] = inf; expected finite numbers"):
        RBM(2, "gaussian").fit(np.where(BARS == 1, np.inf, BARS), verbose=0)
    with pytest.raises(DataError, match="a smaller learning rate"):
        RBM(2, "gaussian", learning_rate=1e30).fit(1e3 * BARS, epochs=5, verbose=0)


def test_calls_that_make_no_sense():
    rbm = machine()
    for call in (lambda: RBM(2).free_energy(V), lambda: RBM(2).sample(1), lambda: RBM(2).get_weights()):
        with pytest.raises(NotBuiltError, match="fit or build first"):
            call()
    with pytest.raises(ShapeError, match=r"v of shape \(3, 6\); expected \(n, 4\)"):
        rbm.fit(BARS, verbose=0)
    with pytest.raises(ShapeError, match="samples of 5 numbers; expected 4"):
        rbm.build((5,))
    with pytest.raises(ShapeError, match=r"samples of shape \(28, 28\)"):
        RBM(2).build((28, 28))
    with pytest.raises(ShapeError, match="W, b and c"):
        rbm.set_weights(weights(visible=5))
    big = RBM(30)
    big.build((2,))
    with pytest.raises(ArgumentError, match="30 hidden units; expected at most 20"):
        big.log_partition()
    with pytest.raises(DataError, match="numbers from 0 to 1"):
        rbm.visible_means(np.full((1, HIDDEN), 2.0))
    for name, value in (("verbose", 2), ("epochs", 0), ("batch_size", 0), ("shuffle", 1)):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=f"{name}="):
            RBM(2).fit(BARS, **{"verbose": 0, name: value})


@pytest.mark.parametrize("kind", KINDS)
def test_on_the_stand_in_for_cupy(kind):
    """A device that has only what CuPy has gives what the CPU gives."""

    def run():
        with config.use_dtype("float64"):
            rbm = RBM(HIDDEN, kind, seed=5, persistent=True)
            rbm.fit(V[:7], batch_size=3, epochs=2, verbose=0, validation_data=V[7:])
            return [*rbm.get_weights(), rbm.sample(2, 3), rbm.free_energy(V), rbm.log_likelihood(V)]

    expected = run()
    with on_the_stand_in("reference"):
        found = run()
    for ours, theirs in zip(found, expected, strict=True):
        assert isinstance(ours, np.ndarray)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
