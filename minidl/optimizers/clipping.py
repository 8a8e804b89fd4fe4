"""Gradients scaled down or clipped before the rule sees them, without waiting for the device.

    clipvalue         g = min(max(g, -c), c)                  each element
    clipnorm          g *= c / max(c, |g|)                    each parameter by its own norm
    global_clipnorm   g *= c / max(c, |all g together|)       a gradient within the limit keeps its bits

Norms are summed in float64, so that no gradient in float32 is too large for its square.
Source: Pascanu, Mikolov and Bengio 2013.
"""

from __future__ import annotations

from operator import add
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array, ArrayTable
from minidl.backend.tape import again, write
from minidl.ops import gradients
from minidl.parameters import Parameter, ParameterGroup


class Clipping:
    """The tables that clipping walks, made anew where other parameters are trained."""

    def __init__(self) -> None:
        self._made_for: Any = None
        self._tables: list[tuple[ArrayTable, Array]] = []  # with the limit, or with memory for a norm

    def prepare(self, options: Any, group: ParameterGroup) -> None:
        """Make the tables, ahead of a step that is recorded: numbers cannot travel to the device within it."""
        made_for = options.clipvalue, options.clipnorm, options.global_clipnorm, group, tuple(group.trained)
        if made_for == self._made_for:
            return
        together: dict[Any, list[Parameter]] = {}
        for p in group.trained:
            key = p if options.clipnorm is not None else (p.dtype, type(p.value))
            together.setdefault(key, []).append(p)
        self._tables = []
        for alike in together.values():
            backend = backends.backend_of(alike[0].value)
            table = ArrayTable([(p._grad_array().reshape(-1),) for p in alike], backend)
            limit = np.zeros(1) if options.clipvalue is None else np.array([options.clipvalue], alike[0].dtype)
            self._tables.append((table, backend.asarray(limit)))
        self._made_for = made_for

    @staticmethod
    def is_asked_for(options: Any) -> bool:
        """Whether ``options`` has a limit."""
        return not options.clipvalue is options.clipnorm is options.global_clipnorm is None

    def clip(self, options: Any, group: ParameterGroup) -> None:
        """Clip the gradients of all trainable parameters in place, by what ``options``, the optimizer, has been given."""
        self.prepare(options, group)
        for p in group.trained:
            p._whole()  # a factor that is NaN makes every number NaN
        if options.clipvalue is not None:
            for table, limit in self._tables:
                gradients.clip(table, limit)
            return
        for table, total in self._tables:
            again(write, total, backends.array_namespace(total).zeros(1))
            gradients.add_squares(table, total)
        if options.clipnorm is not None:
            factors = [gradients.factor_within(total, options.clipnorm) for _, total in self._tables]
        else:
            factors = _of_all_together(options.global_clipnorm, [total for _, total in self._tables])
        for (table, _), factor in zip(self._tables, factors):
            gradients.scale(table, factor)


def _of_all_together(limit: float, totals: list[Array]) -> list[Array]:
    """The factor for each table, all the same, from the sum of the totals."""
    total = totals[0]
    for other in totals[1:]:
        with np.errstate(all="ignore"):
            total = again(add, total, other)
    return [gradients.factor_within(total, limit)] * len(totals)
