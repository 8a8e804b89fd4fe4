"""Models as estimators: which arguments go where, what labels become, and that scikit-learn's own tools take them."""

import functools
import warnings

import numpy as np
import pytest

import minidl
from minidl.compat.keras.layers import Dense
from minidl.compat.keras.models import Sequential
from minidl.compat.keras.optimizers import Adam
from minidl.compat.keras.wrappers.scikit_learn import BaseWrapper, KerasClassifier, KerasRegressor
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, NotBuiltError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")

RNG = np.random.default_rng(0)
CENTRES = np.array([[3, 0], [-3, 0], [0, 3.0]])
Y = np.repeat([0, 1, 2], 20)
X = CENTRES[Y] + 0.3 * RNG.normal(size=(60, 2))


def three(units=6, rate=0.05, loss="categorical_crossentropy"):
    """A model of three classes."""
    model = Sequential([Dense(units, activation="relu", input_dim=2), Dense(3, activation="softmax")])
    model.compile(Adam(lr=rate), loss, metrics=["accuracy"])
    return model


def two():
    model = Sequential([Dense(1, activation="sigmoid", input_dim=2)])
    model.compile(Adam(lr=0.1), "binary_crossentropy", metrics=["accuracy"])
    return model


def line(outputs=1):
    model = Sequential([Dense(outputs, input_dim=2)])
    model.compile(Adam(lr=0.1), "mse")
    return model


class Maker:
    def __call__(self, units=4):
        return three(units)

    def make(self, units=4):
        return three(units)


class Own(KerasClassifier):
    def __call__(self, units=5):
        return three(units)


def recorded(monkeypatch, name):
    """What the model's method of this name is given."""
    calls, method = [], getattr(Sequential, name)

    @functools.wraps(method)
    def call(self, *positional, **keywords):
        calls.append(keywords)
        return method(self, *positional, **keywords)

    monkeypatch.setattr(Sequential, name, call)
    return calls


@pytest.mark.parametrize(
    "build_fn, units",
    [(three, 6), (Maker(), 4), (Maker().make, 4), (functools.partial(three, rate=0.1), 6), (lambda units=3: three(units), 3)],
)
def test_what_makes_a_model(build_fn, units):
    for options, expected in (({}, units), ({"units": 7}, 7)):
        estimator = KerasClassifier(build_fn, epochs=1, verbose=0, **options)
        history = estimator.fit(X, Y)
        assert history.epoch == [0]
        assert estimator.model.layers[0].units == expected
    assert KerasClassifier(build_fn=build_fn).build_fn is build_fn


def test_a_class_that_makes_its_model():
    estimator = Own(epochs=1, verbose=0, units=9)
    estimator.fit(X, Y)
    assert estimator.model.layers[0].units == 9
    with pytest.raises(ArgumentError, match="no build_fn"):
        KerasClassifier()
    with pytest.raises(ArgumentError, match="build_fn=3"):
        KerasClassifier(3)


def test_arguments_go_where_they_belong(monkeypatch):
    calls = {name: recorded(monkeypatch, name) for name in ("fit", "predict_classes", "predict_proba", "evaluate")}
    estimator = KerasClassifier(three, epochs=2, batch_size=7, verbose=0, units=5, shuffle=False)
    estimator.fit(X, Y, epochs=3)
    assert calls["fit"] == [{"epochs": 3, "batch_size": 7, "verbose": 0, "shuffle": False}]
    estimator.predict(X, batch_size=9)
    assert calls["predict_classes"] == [{"batch_size": 9, "verbose": 0}]
    estimator.predict_proba(X)
    assert calls["predict_proba"][-1] == {"batch_size": 7, "verbose": 0}
    estimator.score(X, Y, verbose=2)
    assert calls["evaluate"] == [{"batch_size": 7, "verbose": 2}]


def test_unknown_arguments_are_refused():
    for call in (lambda: KerasClassifier(three, unit=3), lambda: KerasClassifier(three).set_params(unit=3)):
        with pytest.raises(ArgumentError, match=r"the argument 'unit'.*Did you mean 'units'"):
            call()
    with pytest.raises(ArgumentError, match=r"'bach_size'.*Did you mean 'batch_size'"):
        KerasRegressor(line, bach_size=3)
    with pytest.raises(ArgumentError, match="units"):
        KerasClassifier(two, units=3)


@pytest.mark.filterwarnings("default::minidl.compat.spelling.OldSpellingWarning")
def test_epochs_of_keras_1():
    with pytest.warns(OldSpellingWarning, match=r"nb_epoch=2\) is written KerasClassifier\(epochs=2\)"):
        estimator = KerasClassifier(three, nb_epoch=2)
    assert estimator.sk_params == {"epochs": 2}
    with pytest.warns(OldSpellingWarning, match="epochs=4"):
        estimator.set_params(nb_epoch=4)
    assert estimator.get_params() == {"epochs": 4, "build_fn": three}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(estimator.fit(X, Y, nb_epoch=1, verbose=0).epoch) == 1
    own = KerasClassifier(lambda nb_epoch=1: three(), nb_epoch=2)
    assert own.sk_params == {"nb_epoch": 2}


def test_parameters():
    sizes = [1, 2]
    estimator = KerasClassifier(three, units=3, callbacks=sizes)
    assert estimator.get_params(deep=True) == {"units": 3, "callbacks": sizes, "build_fn": three}
    assert estimator.get_params()["callbacks"] is sizes
    assert estimator.set_params(units=4, build_fn=three) is estimator
    assert estimator.sk_params["units"] == 4
    assert "units=4" in repr(estimator)
    assert isinstance(estimator, BaseWrapper)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
@pytest.mark.parametrize("labels", [[0, 1, 2], [5, 7, -1], ["rose", "iris", "lily"]])
def test_labels_of_every_kind(loss, labels):
    y = np.array(labels)[Y]
    estimator = KerasClassifier(three, loss=loss, epochs=30, batch_size=10, verbose=0)
    np.random.seed(1)  # noqa: NPY002
    estimator.fit(X, y)
    assert estimator.classes_.tolist() == sorted(labels)
    assert estimator.n_classes_ == 3
    found = estimator.predict(X)
    assert found.shape == (60,)
    assert (found == y).mean() > 0.95
    p = estimator.predict_proba(X)
    assert p.shape == (60, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert (estimator.classes_[p.argmax(axis=1)] == found).all()
    assert estimator.score(X, y) == pytest.approx((found == y).mean())
    assert estimator.score(list(map(list, X)), y.tolist()) == pytest.approx((found == y).mean())


def test_one_hot_labels_and_columns():
    estimator = KerasClassifier(three, epochs=20, batch_size=10, verbose=0)
    estimator.fit(X, np.eye(3)[Y])
    assert estimator.classes_.tolist() == [0, 1, 2]
    assert estimator.score(X, np.eye(3)[Y]) == pytest.approx((estimator.predict(X) == Y).mean())
    column = KerasClassifier(three, epochs=1, verbose=0)
    column.fit(X, Y[:, np.newaxis])
    assert column.classes_.tolist() == [0, 1, 2]
    with pytest.raises(ShapeError, match="labels of shape"):
        estimator.fit(X, np.zeros((60, 1, 2)))


def test_two_classes():
    y = np.where(Y == 0, "yes", "no")
    estimator = KerasClassifier(two, epochs=30, batch_size=10, verbose=0)
    estimator.fit(X, y)
    found = estimator.predict(X)
    assert found.shape == (60, 1)
    assert (found[:, 0] == y).mean() > 0.9
    p = estimator.predict_proba(X)
    np.testing.assert_allclose(p[:, 0], 1 - p[:, 1])
    assert ((p[:, 1] > 0.5) == (found[:, 0] == "yes")).all()
    assert estimator.score(X, y) == pytest.approx((found[:, 0] == y).mean())


def test_the_score_needs_accuracy():
    def without():
        model = two()
        model.compile("sgd", "binary_crossentropy")
        return model

    estimator = KerasClassifier(without, epochs=1, verbose=0)
    estimator.fit(X, Y > 0)
    with pytest.raises(ArgumentError, match=r"metrics=\['accuracy'\]"):
        estimator.score(X, Y > 0)


def test_numbers():
    y = X @ [1.0, -2.0] + 0.5
    estimator = KerasRegressor(line, epochs=60, batch_size=10, verbose=0)
    estimator.fit(X, y)
    found = estimator.predict(X)
    assert found.shape == (60,)
    assert estimator.score(X, y) == pytest.approx(-np.mean((found - y) ** 2), rel=1e-4)
    assert estimator.score(X, y) > -0.1
    several = KerasRegressor(line, outputs=2, epochs=1, verbose=0)
    several.fit(X, np.stack([y, y], axis=1))
    assert several.predict(X).shape == (60, 2)

    def measured():
        model = line()
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    both = KerasRegressor(measured, epochs=1, verbose=0)
    both.fit(X, y)
    assert both.score(X, y) == pytest.approx(-np.mean((both.predict(X) - y) ** 2), rel=1e-4)


@pytest.mark.parametrize("estimator", [KerasClassifier(three), KerasRegressor(line)], ids=["classifier", "regressor"])
def test_before_fit(estimator):
    for verb in ("predict", "predict_proba", "score"):
        if hasattr(estimator, verb):
            with pytest.raises(NotBuiltError, match="fit"):
                getattr(estimator, verb)(*[X, Y][: 1 + (verb == "score")])


# -- scikit-learn -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def one_seed():
    """What is learnt does not depend on the tests before."""
    minidl.set_seed(3)


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn")


def quick(**options):
    return KerasClassifier(build_fn=three, **{"epochs": 15, "batch_size": 10, "verbose": 0, **options})


def test_copies_of_an_estimator(sklearn):
    from sklearn.base import clone, is_classifier, is_regressor

    layers = [1, 2]
    estimator = quick(callbacks=layers)
    copy = clone(estimator)
    assert type(copy) is KerasClassifier
    assert copy.get_params() == estimator.get_params()
    assert not hasattr(copy, "model")
    assert is_classifier(estimator)
    assert is_regressor(KerasRegressor(line))
    assert not is_classifier(KerasRegressor(line))


def test_cross_validation(sklearn):
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict, cross_val_score

    np.random.seed(2)  # noqa: NPY002
    for splitter in (StratifiedKFold(n_splits=2, shuffle=True, random_state=7), KFold(2, shuffle=True, random_state=7), 2):
        scores = cross_val_score(quick(epochs=40), X, Y, cv=splitter)
        assert scores.shape == (2,)
        assert scores.mean() > 0.85
    assert cross_val_predict(quick(epochs=1), X, Y, cv=2).shape == (60,)
    negative = cross_val_score(
        KerasRegressor(line, epochs=40, verbose=0), X, X.sum(axis=1), cv=KFold(2, shuffle=True, random_state=1)
    )
    assert (negative <= 0).all()
    assert cross_val_score(quick(epochs=1), X, np.eye(3)[Y], cv=KFold(2)).shape == (2,)


def test_a_search_for_the_best_arguments(sklearn):
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

    grid = GridSearchCV(quick(), {"epochs": [1, 30], "rate": [0.05]}, cv=2)
    found = grid.fit(X, Y)
    assert found.best_params_ == {"epochs": 30, "rate": 0.05}
    assert found.best_score_ == max(found.cv_results_["mean_test_score"])
    assert found.best_estimator_.score(X, Y) > 0.8
    assert (found.predict(X) == found.best_estimator_.predict(X)).all()
    old = GridSearchCV(quick(), {"nb_epoch": [1, 2]}, cv=2, n_jobs=1).fit(X, Y)
    assert set(old.best_params_) == {"nb_epoch"}
    random = RandomizedSearchCV(quick(epochs=1), {"units": [2, 3, 4]}, n_iter=2, cv=2, random_state=0).fit(X, Y)
    assert random.best_estimator_.model.layers[0].units == random.best_params_["units"]


@pytest.mark.slow  # starts processes
def test_a_search_in_several_processes(sklearn):
    from sklearn.model_selection import GridSearchCV

    grid = GridSearchCV(KerasClassifier(lambda units=4: three(units), epochs=1, verbose=0), {"units": [2, 4]}, cv=2, n_jobs=2)
    assert grid.fit(X, Y).best_params_["units"] in (2, 4)


def test_pipelines(sklearn):
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import LabelEncoder, StandardScaler

    names = np.array(["rose", "iris", "lily"])[Y]
    y = LabelEncoder().fit(names).transform(names)
    pipeline = Pipeline([("standardize", StandardScaler()), ("mlp", quick(epochs=40))])
    pipeline.fit(X * 10 + 5, y)
    assert pipeline.score(X * 10 + 5, y) > 0.9
    assert (pipeline.predict(X * 10 + 5) == y).mean() > 0.9
    assert pipeline.predict_proba(X).shape == (60, 3)
    regression = Pipeline([("standardize", StandardScaler()), ("mlp", KerasRegressor(line, epochs=2, verbose=0))])
    assert regression.fit(X, Y).predict(X).shape == (60,)


def test_tables_of_pandas():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["a", "b"])
    estimator = quick(epochs=20)
    estimator.fit(table, pandas.Series(Y))
    assert (estimator.predict(table) == estimator.predict(X)).all()
    assert estimator.score(table, pandas.Series(Y)) == estimator.score(X, Y)
