"""What is to be timed: the words the harness, the sides and the results share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Target:
    """What a figure has to reach: ``must`` now (None: nothing), ``after`` later.

    Attributes:
        peers: other libraries and the ratio against each.
        rivals: the same, of which only ``after`` speaks.
        of: which figure: the ``ratio`` against PyTorch or against the library named here, the part of the speed of large
            ``copies``, or at most so many ``seconds``.
    """

    must: float | None
    after: float
    peers: dict[str, float] = field(default_factory=dict)
    of: str = "ratio"
    rivals: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """One piece of work.

    Attributes:
        name: unique; the identifier in results.
        kind: which function of a side does it.
        spec: its sizes.
        target: most often of the ratio best PyTorch time / minidl's time; None where nothing was promised.
        tolerance: largest difference allowed between two sides, as a part of the array's largest element.
        flops: floating-point operations of one run, a multiplication and an addition being two; 0: not the limit.
        bytes: what must be read and written at least.
    """

    name: str
    kind: str
    spec: dict[str, Any]
    target: Target | None = None
    tolerance: float = 1e-4
    flops: float = 0
    bytes: float = 0

    def request(self, compilers: bool = True) -> dict[str, Any]:
        """The part that sides see."""
        return {"name": self.name, "kind": self.kind, "compilers": compilers, **self.spec}

    def quick(self) -> Work:
        """The same, small: for tests of the programs, whose figures mean nothing."""
        return replace(self, spec={k: min(v, _SMALL.get(k, v)) if k in _SMALL else v for k, v in self.spec.items()})


RECORDED_LAYERS = ("conv2d", "lstm")  # kinds of work that are CUDA graphs on a GPU; training steps record themselves
_SMALL = {"batch": 4, "samples": 128, "elements": 1000, "rows": 64, "size": 14, "image": 64, "time": 3}
