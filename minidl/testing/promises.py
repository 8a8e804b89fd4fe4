"""What a layer promises beside the right numbers: passes do not know of each other, and nobody's arrays are changed.

One forward and one backward pass give the gradients that the differences will be compared with. The others show what a
single pass cannot. Above all, two forward passes on different inputs run before either goes back, as they do in a network
that uses a layer twice: what a layer kept in itself, and not in ``saved``, is then another pass's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.testing.attributes import hidden_weights
from minidl.testing.subject import Run, host, norm

SHRINK = 63 / 64  # the other input is this times x: other numbers, that stay positive, and between 0 and 1
SAVED = "what gradient needs belongs into saved, not into the layer"
STRETCH = 2.0**20  # dy times this gives dx times this; a power of two rounds nothing


def analytic(run: Run, generator: np.random.Generator) -> tuple[list[np.ndarray], np.ndarray, list[str]]:
    """The gradients, the weights r of y in the scalar L, and a sentence for every broken promise."""
    passes = Passes(run)
    y, saved = passes.forward(run.inputs)
    r = np.ones(()) if run.is_scalar else generator.normal(size=host(y).shape)
    if not np.isfinite(host(y)).all():
        passes.note("y is not finite.")
    if host(y).dtype != np.float64:
        passes.note(f"y is {host(y).dtype}: something is computed in less than the precision of the input.")
    if run.output_shape is not None and host(y).shape[1:] != run.output_shape:
        passes.note(f"Samples of y are of shape {host(y).shape[1:]}; output_shape says {run.output_shape}.")
    first, once = passes.backward(run.inputs, r, y, saved), host(y).copy()

    passes.zero_grad()  # the same again, from a clean start: equal to the last bit
    y, saved = passes.forward(run.inputs)
    same_y = np.array_equal(host(y), once, equal_nan=True)
    if not same_y:
        passes.note("The forward pass gives another y when it runs again.")
    again = passes.backward(run.inputs, r, y, saved)
    for variable, a, b in zip(run.variables, first, again):
        if not np.array_equal(a, b, equal_nan=True):
            passes.note(f"The gradient of {variable.name} comes out differently when it is computed again.")

    y, saved = passes.forward(run.inputs)  # once more without zero_grad: it must add
    sums = passes.backward(run.inputs, r, y, saved)
    for variable, a, b in zip(run.variables, again, sums):
        if variable.parameter is not None and not close(b, 2 * a):
            passes.note(f"The gradient of {variable.name} is overwritten by the next one; gradients must add.")

    passes.zero_grad()  # as training does it: nobody asks for dx
    y, saved = passes.forward(run.inputs)
    without = passes.backward(run.inputs, r, y, saved, need_dx=False)
    for variable, a, b in zip(run.variables, again, without):
        if variable.parameter is not None and not close(b, a):
            passes.note(f"The gradient of {variable.name} is another one when need_dx=False.")

    if same_y:
        try:
            y, _ = passes.forward(run.inputs, keep=False)
            if not np.array_equal(host(y), once, equal_nan=True):
                passes.note("y is another one when keep=False.")
        except Exception as error:
            passes.note(f"apply fails ({_short(error)}) when keep=False.")
        _other_dy(passes, r, again)
        _two_passes(passes, r, again)
        passes.problems += hidden_weights(run)
    passes.zero_grad()
    return first, r, list(dict.fromkeys(passes.problems))


def _other_dy(passes: Passes, r: np.ndarray, expected: list[np.ndarray]) -> None:
    """A gradient is proportional to dy, wherever the numbers of dy lie in memory."""
    if r.ndim == 0:
        return
    run = passes.run
    for fault, factor, gaps in (
        ("is not proportional to dy", STRETCH, False),
        ("is another one when dy is not contiguous", 1.0, True),
    ):
        passes.zero_grad()
        y, saved = passes.forward(run.inputs)
        try:
            found = passes.backward(run.inputs, factor * r, y, saved, gaps=gaps)
        except Exception as error:  # as the same gradient did not fail before
            passes.note(f"gradient fails ({_short(error)}) where dy is {'not contiguous' if gaps else 'larger'}.")
            continue
        for variable, a, b in zip(run.variables, expected, found):
            if (
                np.isfinite(a).all() and not close(b, factor * a) and not (factor != 1 and run.penalty)
            ):  # which has dx without dy
                passes.note(f"The gradient of {variable.name} {fault}.")


def _two_passes(passes: Passes, r: np.ndarray, expected: list[np.ndarray]) -> None:
    """Two forward passes before either goes back, in both orders; then what the first left behind for the second."""
    run = passes.run
    other = _other_input(run)
    if other is None:
        return
    inputs, y_fresh, saved_fresh = other
    r_other = r if run.is_scalar else np.random.default_rng(1969).normal(size=host(y_fresh).shape)
    same_size = [backends.current().asarray(host(array)[: len(x)].copy()) for array, x in zip(inputs, run.inputs)]
    for second in (same_size, inputs):  # as in a network; and a prediction of another number of samples
        try:
            right = _between(passes, (run.inputs, r), second, expected)
        except Exception as error:
            passes.note(f"gradient fails ({_short(error)}) when a second forward pass comes in between; {SAVED}.")
            right = False
        if not right:
            break
    try:
        gradients_fresh = Passes(run.fresh).backward(inputs, r_other, y_fresh, saved_fresh)
    except Exception as error:
        passes.note(f"gradient fails ({_short(error)}) for another batch.")
        return
    passes.zero_grad()
    try:
        y, saved = passes.forward(inputs)
        gradients = passes.backward(inputs, r_other, y, saved)
    except Exception as error:
        passes.note(f"Another batch fails ({_short(error)}) after the batches before it; apply leaves the layer as it is.")
        return
    if host(y).shape != host(y_fresh).shape or not close(host(y), host(y_fresh)):
        passes.note("y of another batch depends on the batches before it; apply leaves the layer as it is.")
        return
    for variable, a, b in zip(run.variables, gradients, gradients_fresh):
        if not close(a, b):
            passes.note(f"The gradient of {variable.name} for another batch depends on the batches before it.")


def _between(passes: Passes, one: tuple[Any, np.ndarray], inputs: list[Any], expected: list[np.ndarray]) -> bool:
    """A pass with another in between: the last goes back first, as in a chain, then the first; whether that is right."""
    found = []
    for last_first in (True, False):
        context = passes.run.context()  # of one pass, as in a network that uses the layer twice
        y, saved = passes.forward(one[0], context=context)
        y_before = host(y).copy()
        y_other, saved_other = passes.forward(inputs, context=context)
        if not np.array_equal(host(y), y_before, equal_nan=True):
            passes.note("y is overwritten by the next forward pass.")
            return False
        r_other = one[1] if passes.run.is_scalar else np.random.default_rng(1986).normal(size=host(y_other).shape)
        steps = [(*one, y, saved), (inputs, r_other, y_other, saved_other)]
        gradients = {}
        for which in (1, 0) if last_first else (0, 1):
            passes.zero_grad()
            gradients[which] = passes.backward(*steps[which])
        found.append(gradients)
    wrong = [
        variable.name
        for index, variable in enumerate(passes.run.variables)
        if not all(close(gradients[0][index], expected[index]) for gradients in found)
        or not close(found[0][1][index], found[1][1][index])
    ]
    for name in wrong:
        passes.note(
            f"The gradient of {name} is another one when a second forward pass comes in between, as where a layer is used "
            f"twice; {SAVED}."
        )
    return not wrong


def _other_input(run: Run) -> tuple[list[Any], Any, Any] | None:
    """Other numbers, for one sample more where that can be, with the fresh copy's y and saved; None where only x will do."""
    grown = [array if run.is_scalar else np.concatenate((array, array[:1])) for array in map(host, run.inputs)]
    for arrays in (grown, [host(array) for array in run.inputs]):
        inputs = [
            backends.current().asarray(np.ascontiguousarray(array[::-1] * SHRINK if floating else array[::-1]))
            for array, floating in zip(arrays, run.differentiable)
        ]
        try:
            return inputs, *run.fresh.forward(inputs, run.fresh.context())
        except Exception:  # such as a mask whose shape names the number of samples
            continue
    return None


class Passes:
    """Passes of a run, after each of which its inputs and weights are compared with what they were, and restored.

    Args:
        run: the function.

    Attributes:
        problems: sentences about what was found.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.problems: list[str] = []
        self._before = [(variable, variable.read().copy()) for variable in run.weights]

    def note(self, problem: str) -> None:
        """Remember a problem."""
        self.problems.append(problem)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p, _ in self.run.parameters:
            p.zero_grad()

    def forward(self, inputs: list[Any], *, keep: bool = True, context: Any = None) -> tuple[Any, Any]:
        """y, saved; in a pass of its own, unless a context is given."""
        before = [host(array).copy() for array in inputs]
        context = context or self.run.context(keep)
        y, saved = self.run.forward(inputs, context)
        self.run.penalty = self.run.penalty_of(context)
        self._compare(inputs, before, " by the forward pass")
        return y, saved

    def backward(
        self, inputs: list[Any], r: np.ndarray, y: Any, saved: Any, *, need_dx: bool = True, gaps: bool = False
    ) -> list[np.ndarray]:
        """Copies of the gradients of all variables, after one backward pass from dy = r."""
        dy = backends.current().asarray(_with_gaps(r) if gaps else r.copy())
        before, y_before = [host(array).copy() for array in inputs], host(y).copy()
        gradients = self.run.backward(dy, saved, need_dx)
        if not np.array_equal(host(dy), r):
            self.note("dy was changed; it belongs to the layer behind.")
        if not np.array_equal(host(y), y_before, equal_nan=True):
            self.note("y was changed by gradient; it belongs to the layer behind.")
        self._compare(inputs, before)
        if need_dx and len(gradients) != len(inputs):
            self.note(f"gradient gives {len(gradients)} arrays for {len(inputs)} inputs.")
        found = []
        for variable in self.run.variables:
            if variable.parameter is not None:
                found.append(host(variable.parameter.grad).copy())
                continue
            assert variable.input_index is not None
            shape = inputs[variable.input_index].shape
            dx = gradients[variable.input_index] if need_dx and variable.input_index < len(gradients) else None
            if need_dx and getattr(dx, "shape", None) != shape:
                received = "missing" if dx is None else f"of shape {dx.shape}" if hasattr(dx, "shape") else "not an array"
                self.note(f"The gradient of {variable.name}, of shape {shape}, is {received}.")
                dx = None
            elif need_dx and host(dx).dtype != np.float64:
                self.note(f"The gradient of {variable.name} is {host(dx).dtype}, computed in less than the precision of x.")
            found.append(np.full(shape, np.nan) if dx is None else host(dx).astype(np.float64))
        return found

    def _compare(self, inputs: list[Any], before: list[np.ndarray], whose: str = "") -> None:
        """Note and undo what a pass wrote to."""
        names = ["x"] if len(inputs) == 1 else [f"x[{i}]" for i in range(len(inputs))]
        for name, array, old in zip(names, inputs, before):
            if not np.array_equal(host(array), old, equal_nan=True):
                self.note(f"{name} itself was changed{whose}.")
                array[...] = backends.current().asarray(old)
        for variable, old in self._before:
            if not np.array_equal(variable.read(), old, equal_nan=True):
                self.note(f"{variable.name} itself was changed{whose}.")
                variable.write(old)


def close(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal up to the order in which a few terms are added."""
    with np.errstate(all="ignore"):
        return np.array_equal(a, b, equal_nan=True) or norm(a - b) <= 1e-12 * norm(b)


def _short(error: Exception) -> str:
    """The error in at most a line."""
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    return text if len(text) <= 100 else f"{text[:97]}..."


def _with_gaps(array: np.ndarray) -> np.ndarray:
    """The same numbers, with NaN between any two neighbours in memory."""
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan)
    wide[..., ::2] = array
    return wide[..., ::2]
