"""How Numba compiles our functions: without what they do not need, which is half of a first run's wait.

Numba optimises every function by itself and makes machine code of it, with a door for Python, and then does it again as a
part of every function that calls it. What is ``translated`` stops before that: it is the caller that takes it in, optimises
both together and keeps the result in the cache. And Numba looks in every function for what ours do not contain, such as
closures, ``with``, raised errors and expressions of whole arrays; those passes are left out.

This overrides methods of Numba that are not public. Where a version has them no longer, functions compile as all others do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.typed_passes import AnnotateTypes, NativeLowering

_OVERRIDDEN = ("_optimize_functions", "_optimize_final_module", "_finalize_final_module", "_get_module_for_linking")
_POSSIBLE = all(hasattr(JITCodeLibrary, name) for name in _OVERRIDDEN)
_NEEDLESS = {
    "WithLifting",
    "InlineClosureLikes",
    "RewriteSemanticConstants",
    "DeadBranchPrune",
    "RewriteDynamicRaises",
    "MakeFunctionToJitFunction",
    "InlineInlinables",
    "FindLiterallyCalls",
    "LiteralUnroll",
    "LiteralPropagationSubPipelinePass",
    "InlineOverloads",
    "NopythonRewrites",
    "NoPythonSupportedFeatureValidation",
    "DumpParforDiagnostics",
}


def pipeline() -> dict[str, Any]:
    """What ``numba.njit`` is told besides, for functions that Python calls."""
    return {"pipeline_class": _Compilation} if _POSSIBLE else {}


def translated(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """``function`` for Numba's compiler with these options; Python cannot call it."""
    if not _POSSIBLE:
        return numba.njit(**options)(function)
    dispatcher = numba.njit(no_cpython_wrapper=True, pipeline_class=_Translation, **options)(function)
    found = dispatcher.get_call_template

    def for_any_number(arguments: Any, keywords: Any) -> Any:  # not once more for a 0 that stands in the source
        return found(tuple(types.unliteral(kind) for kind in arguments), keywords)

    dispatcher.get_call_template = for_any_number
    return dispatcher


def is_translated(dispatcher: Any) -> bool:
    """Whether it was made by ``translated``."""
    return "no_cpython_wrapper" in dispatcher.targetoptions


class _Optimised(JITCodeLibrary):
    """Code that is optimised once, together with all it links."""

    def _optimize_functions(self, module: Any) -> None:
        """Not each by itself; but the layout of numbers in memory has to be known."""
        module.data_layout = self._codegen._data_layout

    def _get_module_for_linking(self) -> Any:
        """What the cache keeps beside the machine code: only the names in it. Nobody links a kernel: ``_jit`` refuses."""
        self._ensure_finalized()
        module, lines = self._final_module, []
        lines += [f'define void @"{f.name}"() {{ unreachable }}' for f in module.functions if not f.is_declaration]
        filled = [v.name for v in module.global_variables if "NumbaEnv" in v.name and not v.name.startswith(".")]
        lines += [f'@"{name}" = global i8 0' for name in filled]  # what Numba fills when it loads the code
        return llvm.parse_assembly("\n".join(lines))


class _Unfinished(_Optimised):
    """Code that others link, and that never runs by itself."""

    _get_module_for_linking = JITCodeLibrary._get_module_for_linking

    def _optimize_final_module(self) -> None:
        """Left to the caller."""

    def _finalize_final_module(self) -> None:
        """No machine code."""
        self._finalized = True


def _open_library(state: Any, kind: type[_Optimised]) -> None:
    """The library that the lowering puts its code in, instead of one of Numba's."""
    state.library = kind(state.targetctx.codegen(), state.func_id.func_qualname)
    state.library.enable_object_caching()


class _Step(LoweringPass):
    """One of our steps among Numba's."""

    def __init__(self) -> None:
        LoweringPass.__init__(self)


@register_pass(mutates_CFG=False, analysis_only=False)
class _BeginCode(_Step):
    """Before the lowering of what Python calls."""

    _name = "minidl_begin_code"

    def run_pass(self, state: Any) -> bool:
        _open_library(state, _Optimised)
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class _Begin(_Step):
    """Before the lowering, which would else make a library for machine code."""

    _name = "minidl_begin_translation"

    def run_pass(self, state: Any) -> bool:
        _open_library(state, _Unfinished)
        state.flags.no_compile = True
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class _End(_Step):
    """After the lowering: makes known what it has not finished, so that others can call it."""

    _name = "minidl_end_translation"

    def run_pass(self, state: Any) -> bool:
        stand_in: Any = [].append  # for what Python would call, by which Numba knows a function's versions: each another one
        lowered = state["cr"]
        state.targetctx.insert_user_function(stand_in, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=stand_in)
        return True


def _passes(state: Any) -> Any:
    """Numba's, without those that find nothing in our functions."""
    passes = DefaultPassBuilder.define_nopython_pipeline(state)
    passes.passes = [step for step in passes.passes if step[0].__name__ not in _NEEDLESS]
    return passes


class _Compilation(CompilerBase):
    """Numba's compiler for what Python calls."""

    def define_pipelines(self) -> list[Any]:
        passes = _passes(self.state)
        passes.add_pass_after(_BeginCode, AnnotateTypes)
        passes.finalize()
        return [passes]


class _Translation(CompilerBase):
    """Numba's compiler without its last stage."""

    def define_pipelines(self) -> list[Any]:
        passes = _passes(self.state)
        passes.add_pass_after(_Begin, AnnotateTypes)
        passes.add_pass_after(_End, NativeLowering)
        passes.finalize()
        return [passes]
