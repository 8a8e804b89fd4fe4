"""Results as tables for people, on the screen and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PROMISED_TO = "PyTorch"  # the targets are ratios against its best configuration


def reached(record: dict[str, Any]) -> str:
    """``"after"``, ``"must"``, ``"no"``, or ``""`` where nothing was promised or nothing measured.

    >>> reached({"target": {"must": 1.5, "after": 2, "peers": {}}, "ratios": {"PyTorch": {"median": 1.7}}})
    'must'
    >>> reached({"target": {"must": None, "after": 0.8, "peers": {}, "of": "copies"}, "of_copies": 0.7, "ratios": {}})
    'no'
    """
    target, ratios = record.get("target"), record["ratios"]
    figure = _figure(record, target.get("of", "ratio")) if target else None
    if target is None or figure is None:
        return ""
    least = target["after"] if target["must"] is None else target["must"]
    sign = -1 if target.get("of") == "seconds" else 1  # fewer are better
    others = all(ratios[peer]["median"] >= least for peer, least in target["peers"].items() if peer in ratios)
    if sign * figure < sign * least or not others:
        return "no"
    beaten = all(ratios[rival]["median"] >= least for rival, least in target.get("rivals", {}).items() if rival in ratios)
    if sign * figure < sign * target["after"] or not beaten:
        return "no" if target["must"] is None else "must"
    return "after"


def _figure(record: dict[str, Any], of: str) -> float | None:
    """What the target is about."""
    if of == "copies":
        return record.get("of_copies")
    peer = PROMISED_TO if of == "ratio" else of
    found = record["contenders"].get("minidl") if of == "seconds" else record["ratios"].get(peer)
    return found["median"] if found else None


def promised(target: dict[str, Any]) -> list[str]:
    """The cells "must" and "after".

    >>> promised({"must": 1.5, "after": 2, "peers": {}}), promised({"must": None, "after": 0.8, "peers": {}, "of": "copies"})
    (['1.5', '2'], ['', '80 % of copies'])
    >>> promised({"must": 0.7, "after": 1, "peers": {}, "of": "ONNX Runtime"})
    ['0.7 of ONNX Runtime', '1 of ONNX Runtime']
    >>> promised({"must": None, "after": 2, "peers": {"PyTorch graphs": 1}, "of": "ratio"})
    ['', '2']
    """
    of = target.get("of", "ratio")
    form = {"copies": "{:.0%} of copies", "seconds": "{:g} s", "ratio": "{:g}"}.get(of, f"{{:g}} of {of}")
    return ["" if value is None else form.format(value).replace("%", " %") for value in (target["must"], target["after"])]


def milliseconds(seconds: float) -> str:
    """Three digits.

    >>> milliseconds(0.04412), milliseconds(0.000131), milliseconds(21.5)
    ('44.1', '0.131', '21500')
    """
    value = seconds * 1000
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def both(times: dict[str, Any]) -> str:
    """Median and minimum.

    >>> both({"median": 0.044, "min": 0.0421})
    '44 / 42.1'
    """
    return f"{milliseconds(times['median'])} / {milliseconds(times['min'])}"


def rows_of(works: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Head and rows: time of each side at its best, ratios, targets; each pair is of the medians and of the minima."""
    sides = list(dict.fromkeys(c["side"] for w in works for c in w["contenders"].values()))
    peers = [side for side in sides if side != "minidl"]
    floors, copies = (any(w.get(key) for w in works) for key in ("floor", "of_copies"))
    head = ["ms, median / minimum", "minidl", *peers, *(f"ratio {peer}" for peer in peers)]
    head += (["of the floor"] if floors else []) + (["of copies"] if copies else [])
    rows = [[*head, "must", "after", "reached"]]
    for w in works:
        times = w["contenders"]
        cells = [w["name"], both(times["minidl"]) if "minidl" in times else "failed"]
        for peer in peers:
            best = w["ratios"].get(peer, {}).get("best")
            cells.append(both(times[best]) if best else "")
        ratios = [w["ratios"].get(peer) for peer in peers]
        cells += [f"{r['median']:.2f} / {r['min']:.2f}" if r else "" for r in ratios]
        if floors:
            floor = (w.get("floor") or {}).get("distance")
            cells.append(f"{floor:.1f}x" if floor else "")
        if copies:
            cells.append(f"{w['of_copies']:.0%}".replace("%", " %") if w.get("of_copies") else "")
        cells += [*promised(w["target"]), reached(w)] if w["target"] else ["", "", ""]
        rows.append(cells)
    return rows


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, the first to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
        for row in rows
    )


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown.

    >>> print(as_markdown([["a", "b"], ["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def remarks(document: dict[str, Any]) -> list[str]:
    """What is missing, what failed, which configuration of a library was its best: a line each."""
    lines = [f"{name} is missing: {about['missing']}" for name, about in document["sides"].items() if "missing" in about]
    for w in document["works"]:
        lines += [f"{w['name']}: {label}: {reason}" for label, reason in w["failed"].items()]
    return lines


def bests(works: Sequence[dict[str, Any]]) -> list[str]:
    """The best configuration of each library, piece by piece."""
    lines = []
    for w in works:
        named = [r["best"] for r in w["ratios"].values() if ":" in r["best"]]
        if named:
            lines.append(f"{w['name']}: {'; '.join(named)}")
    return lines


def about(document: dict[str, Any]) -> str:
    """Machine, versions, threads, date and commit in one paragraph."""
    m = document["machine"]
    sides = [
        f"{', '.join(f'{k} {v}' for k, v in side['versions'].items())} on {side['threads']} threads"
        for side in document["sides"].values()
        if "versions" in side
    ]
    vectors = f", vectors of {m['vector_bits']} bits" if m["vector_bits"] else ""
    commit = f", commit {document['commit']}" if document["commit"] else ""
    card = f"{document['card']}; " if document.get("card") else ""
    return f"{card}{m['cpu']}, {m['cores']} cores{vectors}; {m['system']}; {'; '.join(sides)}; {document['date']}{commit}"
