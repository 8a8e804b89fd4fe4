"""``compare`` sees what became slower, and not what is noise; ``report`` fills the page."""

from __future__ import annotations

import pytest

from benchmarks import compare, report, store


def written(path, noise=0.0, failed=(), cpu="A", **medians):
    """A result in which minidl takes so many seconds."""
    works = []
    for name, median in medians.items():
        times = {"side": "minidl", "median": median, "min": median * (1 - noise), "rounds": [median]}
        contenders = (
            {} if name in failed else {"minidl": times, "PyTorch: x": {**times, "side": "PyTorch", "median": 1.0, "min": 1.0}}
        )
        ratio = {} if name in failed else {"PyTorch": {"best": "PyTorch: x", "median": 1 / median, "min": 1 / median}}
        target = {"must": 1.5, "after": 2, "peers": {}}
        works.append({"name": name, "contenders": contenders, "ratios": ratio, "target": target, "failed": {}})
    content = store.document("ops", False, sides={"JAX": {"missing": "No module named 'jax'"}}, works=works)
    content["machine"] |= {"cpu": cpu, "cores": 2}
    store.write(path, content)
    return str(path)


@pytest.fixture
def compared(tmp_path, capsys):
    def run(old, new, *options):
        files = [written(tmp_path / f"{i}.json", **content) for i, content in enumerate((old, new))]
        return compare.main([*files, *options]), capsys.readouterr().out

    return run


def test_a_regression_is_flagged(compared):
    code, said = compared({"relu": 0.010, "conv": 0.010}, {"relu": 0.012, "conv": 0.0101})
    assert code == 1
    assert "Slower: relu\n" in said


def test_a_gain_and_a_small_change_are_not(compared):
    code, said = compared({"relu": 0.010, "conv": 0.010}, {"relu": 0.005, "conv": 0.0109})
    assert code == 0
    assert [line.split()[-1] for line in said.splitlines() if line.startswith(("relu", "conv"))] == ["faster", "same"]


def test_noise_is_no_regression_and_the_percentage_can_be_chosen(compared):
    slower = {"relu": 0.010}, {"relu": 0.012}
    assert compared({**slower[0], "noise": 0.2}, slower[1])[0] == 0
    assert compared(*slower, "--percent", "30")[0] == 0
    assert compared(*slower, "--percent", "15")[0] == 1


def test_what_fails_now_is_worse_than_slow(compared):
    code, said = compared({"relu": 0.010}, {"relu": 0.010, "failed": ["relu"]})
    assert code == 1
    assert "failed" in said


def test_other_sets_of_work_and_other_machines(compared):
    code, said = compared({"relu": 0.010, "old": 1.0}, {"relu": 0.010, "fresh": 1.0, "cpu": "B"})
    assert code == 0
    assert "gone" in said
    assert "new" in said
    assert "Careful: another CPU: A and B" in said


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(SystemExit):
        compare.main([str(tmp_path / "a.json")] * 2)


def test_the_report_replaces_what_stands_between_its_marks(tmp_path):
    page, result = tmp_path / "page.md", written(tmp_path / "ops.json", relu=0.5, conv=2.0)
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for _ in range(2):  # twice gives the same
        assert report.main([result, "--page", str(page)]) == 0
        text = page.read_text()
        assert text.startswith(f"before\n{report.BEGIN}\n")
        assert text.endswith(f"{report.END}\nafter\n")
        assert "old" not in text
        assert "| relu | 500 / 500 | 1000 / 1000 | 2.00 / 2.00 | 1.5 | 2 | after |" in text
        assert "| conv | 2000 / 2000 | 1000 / 1000 | 0.50 / 0.50 | 1.5 | 2 | no |" in text
        assert "JAX is missing" in text
    page.write_text("no marks")
    with pytest.raises(ValueError, match="lacks"):
        report.main([result, "--page", str(page)])


def test_the_page_of_the_documentation_has_the_marks():
    report.filled(report.PAGE.read_text(), [])


def test_the_report_shows_each_result_its_own_charts(tmp_path):
    names = ("ops-a.json", "ops-a.png", "ops-a-threads.png", "ops-a-avx2.json", "ops-a-avx2.png", "ops-ab.png")
    files = [tmp_path / name for name in names]
    for path in files:
        path.touch()
    results = [path for path in files if path.suffix == ".json"]
    assert [p.name for p in report.pictures(results[0], results)] == ["ops-a-threads.png", "ops-a.png"]
    assert [p.name for p in report.pictures(results[1], results)] == ["ops-a-avx2.png"]
