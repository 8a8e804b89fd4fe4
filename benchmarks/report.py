"""The tables of docs/performance.md, made from the results.

    python -m benchmarks.report [FILE ...]        results; default: all of benchmarks/results, quick runs left out

The charts that lie beside them are shown, too.

What stands between ``<!-- results -->`` and ``<!-- end of results -->`` is replaced.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import memory, start, store, tables, to_99
from benchmarks.environment import ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
TITLES = {
    "ops": "Ops and layers, forwards and backwards",
    "models": "Training and predicting",
    "scaling": "Scaling",
    "start": "Starting",
    "to_99": "MNIST to 99 %",
    "gpu": "On the GPU",
}
NONE = "No results are here yet: `python -m benchmarks` makes them, `python -m benchmarks.report` puts them here."


def pictures(path: Path, files: Sequence[Path]) -> list[Path]:
    """The charts drawn of a result, ``<stem>.png`` or ``<stem>-<what>.png``; not those of a result with a longer name."""

    def owner(picture: Path) -> str:
        return max((f.stem for f in files if f"{picture.stem}-".startswith(f"{f.stem}-")), key=len, default="")

    return [picture for picture in sorted(path.parent.glob(f"{path.stem}*.png")) if owner(picture) == path.stem]


def section(document: dict[str, Any], links: Sequence[str] = (), only_avx2: bool = False) -> str:
    """One result as Markdown, with links to its pictures."""
    kept_from = ", kept from AVX-512" if only_avx2 else ""
    title = f"{TITLES.get(document['name'], document['name'])}: {document.get('card') or document['machine']['cpu']}{kept_from}"
    parts = [f"### {title}", tables.about(document) + "."]
    if document["quick"]:
        parts.append("A quick run: its figures mean nothing.")
    if document.get("probes"):
        copy = document["probes"]["copies"][max(document["probes"]["copies"], key=int)]
        shared = document["probes"].get("sharing_out")
        sent = f", all cores sent to work and back in {shared * 1e6:.1f} µs" if shared else ""
        parts.append(f"Peak {document['probes']['flops'] / 1e9:.0f} GFLOP/s, large copies {copy / 1e9:.0f} GB/s{sent}.")
    if document["works"]:
        parts.append(tables.as_markdown(tables.rows_of(document["works"])))
    if document.get("starts"):
        parts.append(tables.as_markdown(start.rows_of(document["starts"])))
    if document.get("to_99"):
        parts += [tables.as_markdown(to_99.rows_of(document["to_99"])), to_99.says(document["to_99"])]
    found = document.get("memory") or []
    parts += [tables.as_markdown(memory.rows_of(m)) for m in (found if isinstance(found, list) else [found])]
    parts += [f"![{title}]({link})" for link in links]
    lines = [*tables.remarks(document), *(f"best: {line}" for line in tables.bests(document["works"]))]
    if lines:
        parts.append("\n".join(f"* {line}" for line in lines))
    return "\n\n".join(parts)


def filled(page: str, sections: Sequence[str]) -> str:
    """The page with the sections between its marks.

    >>> print(filled("a\\n<!-- results -->old<!-- end of results -->\\nb", ["new"]))
    a
    <!-- results -->
    <BLANKLINE>
    new
    <BLANKLINE>
    <!-- end of results -->
    b
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    text = "\n\n".join(sections) or NONE
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--page", type=Path, default=PAGE, help="default: docs/performance.md")
    args = parser.parse_args(argv)
    files = args.files or sorted(
        (p for p in store.RESULTS.glob("*.json") if not p.stem.endswith(("-quick", ".part"))), key=lambda p: p.stem
    )
    try:
        documents = [store.read(path) for path in files]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    links = [[os.path.relpath(p, args.page.parent) for p in pictures(path, files)] for path in files]
    kept = [path.stem.endswith("-avx2") for path in files]
    sections = [section(*each) for each in zip(documents, links, kept) if "works" in each[0]]
    store.write_text(args.page, filled(args.page.read_text(encoding="utf-8"), sections))
    print(f"{args.page}: {len(sections)} results")
    return 0


if __name__ == "__main__":
    sys.exit(main())
