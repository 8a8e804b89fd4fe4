"""Examples that compare: their numbers say what their first lines promise, and what they compute by themselves is right."""

import re
import sys

import numpy as np
import pytest

from tests.examples.running import check_png, leave, load, number, succeed, succeed_with_picture

SCRIPTS = [
    "perceptron_iris.py",
    "logistic_regression.py",
    "optimizers.py",
    "overfitting.py",
    "imbalanced.py",
    "custom_layer.py",
    "custom_loss.py",
    "feature_maps.py",
    "saliency.py",
    "architecture_search.py",
]


@pytest.fixture
def plain(environment):
    """Without compiled kernels, which would take longer than these short runs."""
    return {**environment, "MINIDL_KERNELS": "reference"}


def rows_of(printed, *names):
    """The numbers behind each of these names, at the beginning of a line; of the last such line."""
    found = {}
    for name in names:
        lines = [line for line in printed.splitlines() if re.match(rf" *{re.escape(name)}\s", line)]
        assert lines, f"no line begins with {name}"
        found[name] = [
            float(text.rstrip("%")) for text in re.findall(r"-?\d[\d.]*(?:e[-+]\d+)?%?", lines[-1].split(name, 1)[1])
        ]
    return found


@pytest.mark.one_in(6)
@pytest.mark.parametrize("script", SCRIPTS)
def test_help_tells_what_it_is(script):
    ran = leave(script, "--help")
    assert ran.returncode == 0
    assert f"python examples/{script} --plot" in ran.stdout
    assert "--quick" in ran.stdout


@pytest.mark.one_in(6)
@pytest.mark.parametrize("script", SCRIPTS)
def test_without_matplotlib_it_says_what_to_install(script, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = leave(script, "--quick", "--plot", "plot.png")
    assert ran.returncode == 2
    assert ran.stderr.endswith('error: --plot needs matplotlib: pip install "minidl[plot]"\n')
    assert ran.stdout == ""


@pytest.mark.one_in(6)
@pytest.mark.parametrize("script", [s for s in SCRIPTS if s not in ("logistic_regression.py", "optimizers.py")])
def test_a_seed_out_of_range_is_refused(script):
    ran = leave(script, "--quick", "--seed", "-1")
    assert ran.returncode == 2
    assert "0 <= seed" in ran.stderr


# -- perceptron --------------------------------------------------------------------------------------------------------


@pytest.mark.more
def test_perceptron(plain, tmp_path):
    printed = succeed_with_picture(plain, "perceptron_iris.py", tmp_path)
    separable, never = printed.split("versicolor (-1)")
    assert "ended after 437 epochs and 1349 corrections: 0 of 100 are wrong" in separable
    assert "not ended after 500 epochs" in never
    by_layer, by_rule = re.search(r"  w = \((.+)\); the rule: \((.+)\)", never).groups()
    assert by_layer == by_rule
    assert "as a model with the activation sign: 100 % right" in never


def test_the_flowers_of_the_perceptron_example():
    """Means of the table in Fisher's paper (1936)."""
    x, d = load("perceptron_iris.py").pair("setosa", "versicolor")
    assert x.shape == (100, 3)
    assert d.sum() == 0
    assert x[d == -1].mean(axis=0) == pytest.approx([1, 5.006, 3.428])
    assert x[d == 1].mean(axis=0) == pytest.approx([1, 5.936, 2.770])


def test_the_perceptron_rule_by_hand():
    """One flower on each side: both are wrong at first, as the sign of 0 is neither."""
    path, corrections = load("perceptron_iris.py").learn(
        np.array([[1.0, 2.0, 0.0], [1.0, -2.0, 0.0]]), np.array([1, -1]), 10, np.random.default_rng(0)
    )
    assert corrections[-1] == 0
    assert sum(corrections) == 1
    assert abs(path[-1][1]) == 2


# -- logistic regression -----------------------------------------------------------------------------------------------


@pytest.mark.more
def test_logistic_regression(plain, tmp_path):
    printed = succeed_with_picture(plain, "logistic_regression.py", tmp_path)
    assert printed.startswith("Data: built-in digits; 200 images of 3 and 5 to train on, 300 to test on\n")
    rows = re.findall(r"^ +(\d+) +(-|\d\.\d{10}) +(\d\.\d{10}) +(\d\.\d{10})$", printed, re.MULTILINE)
    assert [row[0] for row in rows] == ["0", "1", "2", "10", "20", "49"]
    assert rows[0][1:] == ("0.6931471806",) * 3
    assert all(loop in ("-", matrices) and matrices == layer for _, loop, matrices, layer in rows)
    losses = [float(row[2]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert float(re.search(r"differ by (\S+) at most", printed)[1]) < 1e-12
    assert number(printed, "Test accuracy") > 0.85


# -- optimizers --------------------------------------------------------------------------------------------------------


@pytest.mark.more
def test_optimizers(plain, tmp_path):
    printed = succeed_with_picture(plain, "optimizers.py", tmp_path)
    valley, saddle = printed.split("The saddle")
    names = ("SGD", "momentum", "Nesterov", "Adam")
    near = {name: row[1] for name, row in rows_of(valley, *names).items()}
    assert near["Nesterov"] < near["momentum"] < near["Adam"] < near["SGD"]
    last = {name: row[2] for name, row in rows_of(valley, *names).items()}
    assert max(last["momentum"], last["Nesterov"], last["Adam"]) < 1e-5 < last["SGD"] < 0.1
    away = [row[0] for row in rows_of(saddle, "SGD", "momentum", "Nesterov", "RMSprop", "Adam").values()]
    assert away == sorted(away, reverse=True)  # in the order of the table, each sooner than the one before


def test_the_surfaces_of_the_optimizers_example():
    """Their gradients by differences, and where they vanish."""
    example = load("optimizers.py")
    for surface, gradient in ((example.beale, example.beale_gradient), (example.saddle, example.saddle_gradient)):
        for x, y in ((1.0, 1.5), (-0.3, 0.7)):
            h = 1e-6
            numeric = [(surface(x + h, y) - surface(x - h, y)) / (2 * h), (surface(x, y + h) - surface(x, y - h)) / (2 * h)]
            assert gradient(x, y) == pytest.approx(numeric, rel=1e-6)
    assert example.beale(*example.MINIMUM) == 0
    assert not example.beale_gradient(*example.MINIMUM).any()
    assert example.steps_until(np.array([False, True, False, True, True])) == 3
    assert example.steps_until(np.array([True, True])) == 0
    assert example.steps_until(np.array([True, False])) == "never"


# -- overfitting -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_overfitting(plain, tmp_path):
    printed = succeed_with_picture(plain, "overfitting.py", tmp_path)
    assert printed.startswith("Data: built-in digits; 300 images to train on, 300 to watch, 500 to test on\n")
    rows = rows_of(printed, "none", "dropout", "L2", "early stopping")
    e_in, in_wrong, by_heart, e_out, _, least, _, _, test_wrong = rows["none"]
    assert (in_wrong, by_heart) == (0, 100)  # all is learnt by heart
    assert e_in < 0.1 < least < e_out
    assert test_wrong > 20
    assert rows["dropout"][2] < 90
    assert rows["L2"][2] < 95
    assert rows["early stopping"][3] == rows["early stopping"][5] == least  # the weights of the best epoch are kept
    assert rows["early stopping"][7] < rows["none"][7]  # cross-entropy of the test images


def test_the_wrong_labels_of_the_overfitting_example():
    example = load("overfitting.py")
    y = np.arange(7000) % 10
    labels, wrong = example.mislabel(y, np.random.default_rng(0))
    assert ((labels != y) == wrong).all()
    assert wrong.mean() == pytest.approx(example.WRONG, abs=0.02)
    assert set(labels) == set(range(10))
    assert (y == np.arange(7000) % 10).all()


# -- rare digits -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_imbalanced(plain, tmp_path):
    printed = succeed_with_picture(plain, "imbalanced.py", tmp_path)
    assert printed.startswith("Data: built-in digits; 2800 images to train on, of the digits 0 to 9 1000 647 ")
    rows = rows_of(printed, "as they are", "class weights", "repeated", "focal loss")
    accuracy, recall, _, area, rare_recall, rare_precision = rows["as they are"]
    assert accuracy > 0.9 > recall > rare_recall + 0.1
    for how in ("class weights", "repeated"):
        assert rows[how][4] > rare_recall + 0.05
        assert rows[how][5] < rare_precision
        assert rows[how][3] == pytest.approx(area, abs=0.01)
    for path in tmp_path.glob("plot_*.png"):
        check_png(path)
    assert len(list(tmp_path.glob("plot*.png"))) in (0, 3)


def test_the_judge_of_the_imbalanced_example():
    """By hand: of digit 0 everything is right, of digit 1 half is called 0; 0 is three times as frequent."""
    example = load("imbalanced.py")
    y, p = np.repeat(np.arange(10), 2), np.eye(10)[np.repeat(np.arange(10), 2)]
    p[2] = p[0]
    frequency = np.array([3, 1, *[0] * 8]) / 4
    recall, precision, accuracy, area = example.judge(y, p, frequency)
    assert recall.tolist() == [1, 0.5, *[1] * 8]
    assert precision[:2] == pytest.approx([0.75 / (0.75 + 0.125), 1])
    assert accuracy == pytest.approx(0.75 + 0.125)
    # Digit 0: one of the 18 others has as large an output as its images, which counts half. Digit 1: one of its two images is
    # above all 18 others, the other has as small an output as they.
    assert area == pytest.approx((8 + (1 - 0.5 / 18) + (0.5 + 0.5 * 0.5)) / 10)
    assert example.COUNTS[[0, -1]].tolist() == [1000, 20]


# -- parts of one's own ------------------------------------------------------------------------------------------------


@pytest.mark.more
def test_custom_layer(plain, tmp_path):
    printed = succeed_with_picture(plain, "custom_layer.py", tmp_path)
    assert "\nPROVEN: " in printed
    assert "\nWRONG: w, " in printed
    rows = rows_of(printed, "RadialBasis(10)", "Dense(10, tanh)", "always water")
    assert rows["RadialBasis(10)"][0] > rows["Dense(10, tanh)"][0] > rows["always water"][0]
    assert rows["RadialBasis(10)"][1] == rows["Dense(10, tanh)"][1] == 41
    assert "Saved and loaded: RadialBasis(10, name='radial_basis_1', input_shape=(2,)), the same outputs\n" in printed


@pytest.mark.more
def test_custom_loss(plain, tmp_path):
    printed = succeed_with_picture(plain, "custom_loss.py", tmp_path)
    assert "\nPROVEN: " in printed
    assert "\nWRONG: x, " in printed
    below = re.findall(r"^  a = (0\.\d): +([\d.]+)%", printed, re.MULTILINE)
    assert [float(a) for a, _ in below] == [0.1, 0.5, 0.9]
    assert all(abs(float(part) - 100 * float(a)) < 6 for a, part in below)
    assert abs(float(re.search(r"0\.1 to 0\.9: ([\d.]+)%", printed)[1]) - 80) < 8
    assert "Saved and loaded: Pinball(quantiles=[0.1, 0.5, 0.9]), the same outputs\n" in printed


def test_the_quantiles_of_the_custom_loss_example():
    example = load("custom_loss.py")
    x, y = example.measured(20_000, np.random.default_rng(3))
    below = (y[:, None] < example.true_quantiles(x)).mean(axis=0)
    assert below == pytest.approx(example.QUANTILES, abs=0.01)


# -- what a network sees -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_feature_maps(plain, tmp_path):
    printed = succeed_with_picture(plain, "feature_maps.py", tmp_path)
    differences = re.findall(r"^(conv1|pool1|conv2) .* largest difference (\S+)$", printed, re.MULTILINE)
    assert [name for name, _ in differences] == ["conv1", "pool1", "conv2"]
    assert all(float(difference) < 1e-5 for _, difference in differences)
    rows = rows_of(printed, "|", "/", "-", "\\", "convolutional", "perceptron")
    assert max(max(rows[bar]) for bar in "|/-\\") == 1
    convolutional, perceptron = rows["convolutional"], rows["perceptron"]
    assert convolutional[0] > 0.6
    assert all(c > p for c, p in zip(convolutional[2:], perceptron[2:]))  # moved by two pixels and more
    assert convolutional == sorted(convolutional, reverse=True)


def test_the_bars_of_the_feature_maps_example():
    """Each stands where it should: the moments of its ink say in which direction it lies."""
    example = load("feature_maps.py")
    pictures = example.bars()
    assert pictures.shape == (4, 28, 28, 1)
    for (_, degrees), picture in zip(example.BARS.items(), pictures[..., 0]):
        row, column = np.nonzero(picture)
        assert row.mean() == column.mean() == 13.5
        x, y = column - 13.5, 13.5 - row
        direction = np.degrees(np.arctan2(2 * (x * y).mean(), (x**2).mean() - (y**2).mean())) / 2 % 180
        assert direction == pytest.approx(degrees, abs=1)
    moved = example.shift(pictures, 2, -1)
    assert (moved[:, 2:, :-1] == pictures[:, :-2, 1:]).all()


@pytest.mark.slow
def test_saliency(plain, tmp_path):
    printed = succeed_with_picture(plain, "saliency.py", tmp_path)
    rows = rows_of(printed, "pixels removed", "random", "gradient", "SmoothGrad", "gradient x input")
    assert rows["pixels removed"] == [0, 5, 10, 20, 30, 40, 60, 80]
    gradient = [float(text) for text in re.findall(r"^gradient  +(\d.*)$", printed, re.MULTILINE)[0].split()]
    assert rows["random"][0] == gradient[0] == rows["gradient x input"][0] == 1
    at_forty = rows["random"][5], gradient[5], rows["gradient x input"][5]
    assert at_forty == tuple(sorted(at_forty, reverse=True))
    assert at_forty[0] > at_forty[2] + 0.4


def test_removing_pixels_in_the_saliency_example():
    example = load("saliency.py")
    x = np.zeros((1, 28, 28, 1), "float32")
    x[0, 3, 3:6] = 9
    importance = np.zeros((1, 28, 28))
    importance[0, 3, 4], importance[0, 20, 20] = 1, 5  # the second has no ink
    left = example.without(x, importance, 1)
    assert left[0, 3, 3:6, 0].tolist() == [9, 0, 9]
    assert x.sum() == 27  # as it was
    assert example.without(x, importance, 3).sum() == 0
    assert (example.without(x, importance, 0) == x).all()


# -- architecture search -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_architecture_search(plain, tmp_path):
    printed = succeed_with_picture(plain, "architecture_search.py", tmp_path)
    assert "\n16 trainings, " in printed
    best = float(re.search(r"^Best reward: ([\d.]+): \w", printed, re.MULTILINE)[1])
    table = re.findall(r"^(\S.*?) {2,}(0\.\d{3}) +([\d,]+) +(0\.\d{3}) +(\d+\.\d{2})(.*)$", printed, re.MULTILINE)
    accuracies, costs = [float(row[1]) for row in table], [int(row[2].replace(",", "")) for row in table]
    assert accuracies == sorted(set(accuracies))  # a front: who costs more is better
    assert costs == sorted(set(costs))
    assert [row[0] for row in table if row[5]] == [printed.split("Best reward: ")[1].split(": ")[1].split("\n")[0]]
    assert max(float(row[3]) for row in table) == best > 0.5


@pytest.mark.slow
def test_architecture_search_with_any_number_of_processes(plain):
    """The same table, times aside; joblib comes with scikit-learn, or by itself."""
    pytest.importorskip("joblib", reason="joblib is not installed")

    def found(jobs):
        printed = succeed(plain, "architecture_search.py", "--quick", "--jobs", jobs)
        first, _, rest = printed.partition("\n\n")
        assert ("one process" if jobs == "1" else f"{jobs} processes") in first
        return re.sub(r" +\d+\.\d\d(?=\n|   <-)", "", rest)

    assert found("1") == found("2")


def test_architecture_search_without_joblib(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    jobs, how = load("architecture_search.py").workers(None)
    assert jobs == 1
    assert how == 'one process, as joblib is not installed (pip install "minidl[search]")'


def test_the_space_of_the_architecture_search():
    example, rng = load("architecture_search.py"), np.random.default_rng(0)
    for _ in range(200):
        parent = example.draw(rng)
        child = example.mutate(parent, rng)
        assert child == example.tidy(child) != parent
        assert all(child[name] in values for name, values in example.SPACE.items())
        assert example.text(child) != example.text(parent)  # equal words would mean equal networks
    a = {"convolutions": 2, "filters": 4, "kernel": 5, "hidden": 1, "units": 32, "activation": "elu", "dropout": 0.2}
    assert example.text(a) == "conv 5x5 4 8, dense 32, elu, dropout 0.2"
    by_hand = 28 * 28 * 25 * 4 + 14 * 14 * 25 * 4 * 8 + 7 * 7 * 8 * 32 + 32 * 10
    assert example.multiplications(example.build(a)) == by_hand
    nothing = example.tidy(a | {"convolutions": 0, "hidden": 0})
    assert example.text(nothing) == "softmax regression"
    assert example.multiplications(example.build(nothing)) == 7840


def test_the_front_and_the_strategies_of_the_architecture_search():
    """On a made-up measure: evolution finds better ones than chance, and neither takes one twice."""
    example = load("architecture_search.py")

    def measure(architectures):
        worth = [a["units"] / 128 + a["filters"] / 16 - a["dropout"] + a["hidden"] for a in architectures]
        return [
            {"architecture": a, "reward": w, "accuracy": w, "cost": i} for i, (a, w) in enumerate(zip(architectures, worth))
        ]

    first = example.random_search([], 16, 8, np.random.default_rng(1), measure)
    found = {
        search: search(first, 80, 8, np.random.default_rng(2), measure) for search in (example.random_search, example.evolution)
    }
    for rows in found.values():
        assert rows[:16] == first
        assert len({example.text(row["architecture"]) for row in rows}) == len(rows) == 80
    late = {search: np.mean([row["reward"] for row in rows[40:]]) for search, rows in found.items()}
    assert late[example.evolution] > late[example.random_search] + 0.5

    points = [(1, 0.5), (2, 0.4), (3, 0.6), (3, 0.7), (4, 0.7), (5, 0.9)]
    rows = [{"cost": cost, "accuracy": accuracy} for cost, accuracy in points]
    assert [(row["cost"], row["accuracy"]) for row in example.front(rows[::-1])] == [(1, 0.5), (3, 0.7), (5, 0.9)]
    assert example.reward(0.9, example.TARGET / 2) == example.reward(0.9, example.TARGET) == 0.9
    assert example.reward(0.9, 2 * example.TARGET) == pytest.approx(0.9 * 2**-0.07)
