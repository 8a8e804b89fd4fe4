"""Data sets that are there or not: iris, tiny Shakespeare, Samson, Indian Pines."""

import os

import numpy as np
import pytest

from minidl.datasets import indian_pines, iris, samson, tiny_shakespeare
from minidl.errors import DatasetError

REAL_DATA = os.environ.get("MINIDL_DATA", "")  # read now, because the fixture takes the variable away
ALL = {"iris": iris, "tinyshakespeare": tiny_shakespeare, "samson": samson, "indian_pines": indian_pines}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    monkeypatch.delenv("MINIDL_DATA", raising=False)


def real(name):
    folder = os.path.join(REAL_DATA, name)
    if not REAL_DATA or not os.path.isdir(folder):
        pytest.skip(f"the folder MINIDL_DATA holds no {name}/")
    return folder


@pytest.mark.parametrize("name, module", ALL.items(), ids=ALL)
def test_a_sentence_where_nothing_is_there(name, module, tmp_path, monkeypatch):
    with pytest.raises(DatasetError, match=f"MINIDL_DATA to the folder that holds {name}/{module.FILE}"):
        module.load_data()
    with pytest.raises(DatasetError, match="nothing at"):
        module.load_data(tmp_path)
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match="nothing at") as caught:
        module.load_data()
    assert str(tmp_path / name / module.FILE) in str(caught.value)


HEAD = "sepal_length,sepal_width,petal_length,petal_width,species\n"


def test_iris_lines(tmp_path, monkeypatch):
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "iris.csv").write_text(HEAD + "5.1,3.5,1.4,0.2,setosa\n6,3,4,1.5,virginica\n")
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    for path in (None, tmp_path / "iris", str(tmp_path / "iris" / "iris.csv")):
        x, y = iris.load_data(path)
        assert x.tolist() == [[5.1, 3.5, 1.4, 0.2], [6, 3, 4, 1.5]]
        assert y.tolist() == [0, 2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        "a,b\n1,2\n",
        HEAD + "1,2,3,rose\n",
        HEAD + "1,2,3,4,rose\n",
        HEAD + "1,2,3,x,setosa\n",
        HEAD + "1,2,3,nan,setosa\n",
    ],
)
def test_iris_refuses(tmp_path, text):
    (tmp_path / "iris.csv").write_text(text)
    with pytest.raises(DatasetError, match="check which file"):
        iris.load_data(tmp_path)


def test_texts(tmp_path, monkeypatch):
    (tmp_path / "input.txt").write_text("Äpfel\n", encoding="utf-8")
    assert tiny_shakespeare.load_data(tmp_path) == "Äpfel\n"
    (tmp_path / "input.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match="UTF-8"):
        tiny_shakespeare.load_data(tmp_path / "input.txt")
    monkeypatch.setattr(tiny_shakespeare, "LARGEST", 3)
    (tmp_path / "input.txt").write_text("abcd")
    with pytest.raises(DatasetError, match="more than 3 bytes"):
        tiny_shakespeare.load_data(tmp_path)


def test_another_scene_is_refused(tmp_path):
    scipy_io = pytest.importorskip("scipy.io", reason="scipy is not installed")
    scipy_io.savemat(tmp_path / samson.FILE, {"Y": np.zeros((5, 9)), "A": np.zeros((3, 9))})
    with pytest.raises(DatasetError, match=r"Y of shape \(5, 9\)"):
        samson.load_data(tmp_path)


def pines(**changes):
    labels = np.array([[0, 2], [1, 1]], "uint8")
    row, column = np.nonzero(labels)
    arrays = {
        "x": np.ones((3, 4)),
        "y": labels[row, column],
        "row": row,
        "col": column,
        "train_map": labels,
        "test_map": labels,
    }
    return arrays | changes


def test_pixels_belong_to_their_map(tmp_path):
    np.savez(tmp_path / indian_pines.FILE, **pines())
    found = indian_pines.load_data(tmp_path)
    assert found.y.tolist() == [1, 0, 0]
    assert found.x.shape == (3, 4)
    for changes in (
        {"x": np.ones((2, 4))}, {"x": np.ones(3)}, {"y": np.array([1, 1, 1])}, {"y": np.array([1.0, 1.0, 2.0])},
        {"row": np.array([0, 1, 2])}, {"col": np.array([-1, 0, 1])},
        {"test_map": np.zeros((3, 3), "uint8")}, {"train_map": np.zeros(4, int)},
    ):  # fmt: skip
        np.savez(tmp_path / indian_pines.FILE, **pines(**changes))
        with pytest.raises(DatasetError, match="do not belong"):
            indian_pines.load_data(tmp_path)


# -- the real ones -----------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_real_iris():
    x, y = iris.load_data(real("iris"))
    assert x.shape == (150, 4)
    assert np.bincount(y).tolist() == [50, 50, 50]
    assert x[34].tolist() == [4.9, 3.1, 1.5, 0.2]


@pytest.mark.data
def test_real_shakespeare():
    text = tiny_shakespeare.load_data(real("tinyshakespeare"))
    assert len(text) == 1_115_394
    assert len(set(text)) == 65
    assert text.startswith("First Citizen:")


@pytest.mark.data
def test_real_samson():
    cube, shares = samson.load_data(real("samson"))
    assert cube.shape == (95, 95, 156)
    assert np.bincount(shares.argmax(axis=-1).ravel()).tolist() == [3015, 3666, 2344]
    np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-9)
    water = cube[shares[..., 2] > 0.95].mean(axis=0)
    assert water.max() < 0.1 < cube[shares[..., 0] > 0.95].mean()


@pytest.mark.data
def test_real_indian_pines():
    found = indian_pines.load_data(real("indian_pines"))
    assert found.x.shape == (695, 200)
    assert np.bincount(found.y).tolist() == [50] * 13 + [15] * 3
    assert found.train_map.shape == found.test_map.shape == (145, 145)
    assert (found.test_map > 0).sum() == 9671
