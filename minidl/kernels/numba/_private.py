"""Everything minidl uses of Numba beyond its public interface: each part is looked for first, and has a plain fallback.

No other file imports from ``numba.core`` or ``numba.np`` (``tests/test_house.py`` checks). ``PARTS`` lists what each part
needs: names and the first parameters of what is called or overridden. A part of which something is missing, or takes other
parameters, is not used at all, and ``MISSING`` says why. Then kernels compile more slowly, or in every run, or run on one
thread; without the last part the readable references compute. Results stay the same. ``python -m minidl doctor`` tells.

Public is what Numba's manual describes for users and for extensions: ``njit``, ``types``, ``extending``, ``config``, the
threads, and llvmlite's ``ir`` and ``binding``.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import llvmlite.binding as llvm
import numba
from numba import types

BELOW = "0.69"  # the first version that nobody has tried; pyproject.toml has the same bound


class Part(NamedTuple):
    """A part of Numba's insides that minidl uses."""

    without: str  # what happens where it is missing
    needs: dict[str, str | None]  # "module:name" to its first parameters; None for what is only read


_LIBRARY, _CODEGEN = "numba.core.codegen:JITCodeLibrary", "numba.core.codegen:JITCPUCodegen"
_CONTEXT, _DISPATCHER = "numba.core.cpu:CPUContext", "numba.core.dispatcher:Dispatcher"

PARTS = {
    "compiler": Part(
        "kernels take longer to compile",
        {
            f"{_LIBRARY}": "codegen name",
            f"{_LIBRARY}._optimize_functions": "self ll_module",
            f"{_LIBRARY}._optimize_final_module": "self",
            f"{_LIBRARY}._finalize_final_module": "self",
            f"{_LIBRARY}._get_module_for_linking": "self",
            f"{_LIBRARY}._ensure_finalized": "self",
            f"{_LIBRARY}.enable_object_caching": "self",
            f"{_CONTEXT}.enable_nrt": None,
            f"{_CONTEXT}.get_abi_sizeof": "self ty",
            f"{_CONTEXT}.insert_user_function": "self func fndesc libs",
            f"{_CONTEXT}.subtarget": "self kws",
            f"{_DISPATCHER}.get_call_template": "self args kws",
            "numba.core.compiler:CompilerBase": "typingctx targetctx library args return_type flags locals",
            "numba.core.compiler:CompilerBase.define_pipelines": "self",
            "numba.core.compiler:DefaultPassBuilder.define_nopython_pipeline": "state",
            "numba.core.compiler:Flags.no_compile": None,
            "numba.core.compiler:_LowerResult": "fndesc call_helper cfunc env",
            "numba.core.compiler_machinery:LoweringPass.run_pass": "self",
            "numba.core.compiler_machinery:PassManager.add_pass_after": "self pass_cls location",
            "numba.core.compiler_machinery:PassManager.finalize": "self",
            "numba.core.compiler_machinery:register_pass": "mutates_CFG analysis_only",
            "numba.core.cpu:CPUTargetOptions.no_cfunc_wrapper": None,
            "numba.core.cpu:CPUTargetOptions.no_cpython_wrapper": None,
            "numba.core.datamodel.models:DataModel.contains_nrt_meminfo": "self",
            "numba.core.ir:Assign": None,
            "numba.core.ir:Del": None,
            "numba.core.ir:Expr": None,
            "numba.core.ir:Return": None,
            "numba.core.registry:cpu_target.target_context.data_model_manager": None,
            "numba.core.typed_passes:AnnotateTypes": None,
            "numba.core.typed_passes:NativeLowering": None,
            "numba.core.typing.context:BaseContext.resolve_function_type": "self func args kws",
        },
    ),
    "keeping": Part(
        "kernels compile in every run",
        {
            f"{_LIBRARY}.enable_object_caching": "self",
            f"{_LIBRARY}.has_dynamic_globals": None,
            f"{_LIBRARY}.serialize_using_object_code": "self",
            f"{_CODEGEN}.magic_tuple": "self",
            f"{_CODEGEN}.unserialize_library": "self serialized",
            f"{_CONTEXT}.codegen": "self",
            "numba.core.caching:NullCache": "",
            "numba.core.caching:NullCache.load_overload": "self sig target_context",
            "numba.core.caching:NullCache.save_overload": "self sig cres",
            "numba.core.compiler:CompileResult._rebuild": (
                "target_context libdata fndesc env signature objectmode lifted typeann reload_init referenced_envs"
            ),
            "numba.core.compiler:CompileResult._reduce": "self",
            "numba.core.runtime.nrt:rtsys.initialize": "ctx",
            "numba.core.serialize:dumps": "obj",
            "numba.core.sigutils:normalize_signature": "sig",
        },
    ),
    "hook": Part(
        "while kernels compile, Ctrl-C may stop minidl half-way through an import or an update",
        {f"{_DISPATCHER}.compile": "self sig"},
    ),
    "events": Part(
        "Ctrl-C waits until a kernel is compiled, and no line says that kernels compile",
        {
            "numba.core.event:Listener": "",
            "numba.core.event:Listener.on_end": "self event",
            "numba.core.event:Listener.on_start": "self event",
            "numba.core.event:register": "kind listener",
        },
    ),
    "team": Part(
        "kernels run on one thread",
        {
            f"{_LIBRARY}.add_linking_library": "self library",
            f"{_CONTEXT}.active_code_library": None,
            f"{_CONTEXT}.call_internal_no_propagate": "self builder fndesc sig args",
            f"{_CONTEXT}.make_array": "self typ",
            f"{_DISPATCHER}.get_compile_result": "self sig",
            "numba.core.cgutils:alloca_once_value": "builder value",
            "numba.core.cgutils:get_null_value": "ltype",
            "numba.core.cgutils:unpack_tuple": "builder tup count",
            "numba.core.types:Dispatcher.get_call_type": "self context args kws",
        },
    ),
    "arrays": Part(
        "kernels take longer to make their own memory",
        {
            f"{_CONTEXT}.make_array": "self typ",
            f"{_CONTEXT}.nrt": None,
            "numba.core.runtime.context:NRTContext.meminfo_alloc_aligned": "self builder size align",
            "numba.core.runtime.context:NRTContext.meminfo_data": "self builder meminfo",
            "numba.np.arrayobj:populate_array": "array data shape strides itemsize meminfo",
        },
    ),
    "entries": Part(
        "recorded steps call their kernels from Python, one by one",
        {
            f"{_LIBRARY}.get_pointer_to_function": "self name",
            f"{_CONTEXT}.call_conv": None,
            "numba.core.callconv:CPUCallConv.get_function_type": "self restype argtypes",
            "numba.core.registry:cpu_target.target_context.codegen": "",
        },
    ),
    "instructions": Part(
        "no kernels are used, every op runs its readable reference, slowly",
        {
            f"{_LIBRARY}.add_ir_module": "self ir_module",
            f"{_LIBRARY}.create_ir_module": "self name",
            f"{_LIBRARY}.finalize": "self",
            f"{_LIBRARY}.get_pointer_to_function": "self name",
            f"{_CODEGEN}.create_library": "self name",
            f"{_CONTEXT}.cast": "self builder val fromty toty",
            f"{_CONTEXT}.get_abi_sizeof": "self ty",
            f"{_CONTEXT}.get_data_type": "self ty",
            f"{_CONTEXT}.get_dummy_value": "self",
            f"{_CONTEXT}.get_value_type": "self ty",
            f"{_CONTEXT}.make_tuple": "self builder typ values",
            "numba.core.cgutils:alloca_once": "builder ty",
            "numba.core.cgutils:for_range": "builder count",
            "numba.core.cgutils:get_or_insert_function": "module fnty name",
            "numba.core.compiler_lock:global_compiler_lock": None,
            "numba.core.datamodel.models:StructModel.get": "self builder val pos",
            "numba.core.registry:cpu_target.target_context.data_model_manager": None,
            "numba.core.registry:cpu_target.target_context.codegen": "",
            "numba.core.typing.templates:AbstractTemplate": "context",
            "numba.core.typing.templates:infer_global": "val typ",
            "numba.core.typing.templates:signature": "return_type",
        },
    ),
}


# Parts that also depend on what cannot be looked at before it is used: attributes of Numba's objects, or the arguments of
# an entry point in machine code. A version that nobody has tried does without them.
_UNSEEN = ("compiler", "keeping", "team", "entries")


def _objection(name: str, parameters: str | None) -> str:
    """Why ``name``, "module:attributes", is not what minidl expects: it is missing, or takes other parameters; else empty."""
    module, _, path = name.partition(":")
    plain = name.replace(":", ".")
    try:
        found: Any = functools.reduce(getattr, path.split("."), importlib.import_module(module))
    except Exception:  # a module that went, moved, or cannot be imported any more
        return f"{plain} is not there"
    if parameters is None:
        return ""
    wanted = parameters.split()
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return f"{plain} cannot be called"
    takes = list(signature.parameters.values())
    others = [p for p in takes[len(wanted) :] if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if [p.name for p in takes[: len(wanted)]] == wanted and not others:
        return ""
    return f"{plain} takes {signature}"


def _is_untried(version: str) -> bool:
    """Whether nobody has tried minidl with this version of Numba yet."""
    numbers = [[int(part) if part.isdecimal() else 0 for part in v.split(".")[:2]] for v in (version, BELOW)]
    return numbers[0] >= numbers[1]


def _missing() -> dict[str, str]:
    """Each part that cannot be used, with the first thing that is wrong with it."""
    untried = _is_untried(numba.__version__)
    found = dict.fromkeys(_UNSEEN, f"Numba {numba.__version__} has not been tried") if untried else {}
    for name, part in PARTS.items():
        for needed, parameters in part.needs.items():
            if name not in found and (objection := _objection(needed, parameters)):
                found[name] = objection
    return found


MISSING: dict[str, str] = {} if numba.config.DISABLE_JIT else _missing()
DISABLED = bool(numba.config.DISABLE_JIT) or "instructions" in MISSING  # nothing is compiled


def consequences() -> str:
    """What it means that parts are missing, in words."""
    worst = ["instructions"] if "instructions" in MISSING else MISSING
    return "; ".join(PARTS[part].without for part in worst)


def has(part: str) -> bool:
    """Whether something is compiled, and with this part."""
    return not DISABLED and part not in MISSING


# -- The compiler: without what our functions do not need, which is half of a first run's wait -------------------------
#
# Numba optimises every function by itself and makes machine code of it, with an entry for Python, and then does it again
# as a part of every function that calls it. What is ``translated`` stops before that: its caller takes it in, both are
# optimised together, and the result is kept. And Numba searches every function for what ours do not contain, such as
# closures, ``with``, raised errors and expressions of whole arrays; those passes are left out. It tries all its rules, those
# for whole arrays too, each time that two numbers are added: here, once for each combination of types. And it notes where each
# variable ends, and counts the users of each array, in every function that is lent one: here, only where arrays are made.

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


def compiled(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """``function`` for Numba's compiler with these options of ``njit``; Python can call it, other kernels cannot."""
    if not has("compiler"):
        return numba.njit(**options)(function)
    kernel = numba.njit(no_cfunc_wrapper=True, pipeline_class=_Compilation, **options)(function)

    def refuse(*args: Any) -> Any:  # kept, it is machine code alone, so there is nothing that another kernel could take in
        name = kernel.py_func.__name__
        raise numba.TypingError(f"{name} is @compiled, for Python to call; what kernels call is @inner")

    kernel.get_call_template = refuse
    return kernel


def translated(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """``function`` for kernels to call, with these options; Python cannot call it."""
    if not has("compiler"):
        return numba.njit(**options)(function)
    wrappers = {"no_cfunc_wrapper": True, "no_cpython_wrapper": True}
    dispatcher = numba.njit(pipeline_class=_Translation, **wrappers, **options)(function)
    found = dispatcher.get_call_template

    def for_any_number(arguments: Any, keywords: Any) -> Any:  # not once more for a 0 that stands in the source
        return found(tuple(types.unliteral(kind) for kind in arguments), keywords)

    dispatcher.get_call_template = for_any_number
    return dispatcher


def is_translated(dispatcher: Any) -> bool:
    """Whether kernels can call it as it is: it was made by ``translated``, or Numba compiles everything in its own way."""
    return not has("compiler") or "no_cpython_wrapper" in getattr(dispatcher, "targetoptions", ())


if has("compiler"):
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import CompilerBase, DefaultPassBuilder
    from numba.core.compiler_machinery import LoweringPass, register_pass
    from numba.core.ir import Assign, Del, Expr, Return
    from numba.core.typed_passes import AnnotateTypes, NativeLowering

    class _Optimised(JITCodeLibrary):
        """Code that is optimised once, together with all it links."""

        def _optimize_functions(self, ll_module: Any) -> None:
            """Not each by itself; but the layout of numbers in memory has to be known."""
            ll_module.data_layout = self._codegen._data_layout

        def _get_module_for_linking(self) -> Any:
            """What is kept beside the machine code: only the names in it. Nobody links a kernel: ``compiled`` refuses."""
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

    def _open_library(state: Any, kind: type[_Optimised], counts: bool) -> None:
        """The library that the lowering puts its code in, instead of one of Numba's; ``counts``: the users of arrays."""
        context = state.targetctx = state.targetctx.subtarget(enable_nrt=counts)
        context.get_abi_sizeof = functools.cache(context.get_abi_sizeof)  # asked for each variable, and LLVM each time
        state.library = kind(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()

    def _forget_ends(state: Any, counts: bool) -> None:
        """Drop the marks of where a variable ends, half of all statements; but not of owners of memory, where it ``counts``."""
        for block in state.func_ir.blocks.values():
            block.body = [s for s in block.body if not isinstance(s, Del) or (counts and _has_owner(state, s.value))]

    def _has_owner(state: Any, variable: str) -> bool:
        """Whether a variable may hold an array, whose users Numba counts, to free it after the last."""
        return bool(state.targetctx.data_model_manager[state.typemap[variable]].contains_nrt_meminfo())

    _LENT = ("cast", "getattr", "getitem", "static_getitem", "build_tuple", "exhaust_iter")  # give what they got, or parts

    def _makes_memory(state: Any) -> bool:
        """Whether a function gives an array back, or may hold one that was made for it: then it has to count the users."""

        def is_new(value: Any) -> bool:
            if not isinstance(value, Expr) or value.op in _LENT:
                return False
            return value.op != "call" or not isinstance(state.typemap[value.func.name], types.NamedTupleClass)

        statements = [s for block in state.func_ir.blocks.values() for s in block.body]
        return any(
            _has_owner(state, statement.value.name)
            if isinstance(statement, Return)
            else isinstance(statement, Assign) and is_new(statement.value) and _has_owner(state, statement.target.name)
            for statement in statements
        )

    class _Step(LoweringPass):
        """One of our steps among Numba's."""

        def __init__(self) -> None:
            LoweringPass.__init__(self)

    @register_pass(mutates_CFG=False, analysis_only=False)
    class _BeginCode(_Step):
        """Before the lowering of what Python calls."""

        _name = "minidl_begin_code"

        def run_pass(self, state: Any) -> bool:
            _forget_ends(state, counts=True)
            _open_library(state, _Optimised, counts=True)
            return True

    @register_pass(mutates_CFG=False, analysis_only=False)
    class _Begin(_Step):
        """Before the lowering, which would else make a library for machine code."""

        _name = "minidl_begin_translation"

        def run_pass(self, state: Any) -> bool:
            counts = _makes_memory(state)
            _forget_ends(state, counts)
            _open_library(state, _Unfinished, counts)  # where it does not count, its caller keeps alive what it lends
            state.flags.no_compile = True
            return True

    @register_pass(mutates_CFG=False, analysis_only=False)
    class _End(_Step):
        """After the lowering: makes known what it has not finished, so that others can call it."""

        _name = "minidl_end_translation"

        def run_pass(self, state: Any) -> bool:
            stand_in: Any = [].append  # for what Python would call; Numba keys versions by it, so each must be a new object
            lowered = state["cr"]
            state.targetctx.insert_user_function(stand_in, lowered.fndesc, [state.library])
            state["cr"] = lowered._replace(cfunc=stand_in)
            return True

    class _Remembering:
        """Numba's type inference, which remembers what functions and operators give for arguments of which types."""

        _known: ClassVar[dict[Any, Any]] = {}  # of the whole process: that does not change

        def __init__(self, context: Any) -> None:
            self._context = context

        def __getattr__(self, name: str) -> Any:
            return getattr(self._context, name)

        def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
            """The types of a call; ``args`` are those of its arguments, of which a function may have to be compiled first."""
            if kws or type(func) is not types.Function or any(isinstance(a, types.Dispatcher) for a in args):
                return self._context.resolve_function_type(func, args, kws)
            key = func, tuple(args)
            if key not in self._known:
                found = self._context.resolve_function_type(func, args, kws)
                if found is None:  # an error, which Numba describes
                    return None
                self._known[key] = found
            return self._known[key]

    class _Quick(CompilerBase):
        """What both of our compilers begin with."""

        def __init__(self, typingctx: Any, *others: Any) -> None:
            super().__init__(_Remembering(typingctx), *others)

    def _passes(state: Any) -> Any:
        """Numba's, without those that find nothing in our functions."""
        passes = DefaultPassBuilder.define_nopython_pipeline(state)
        passes.passes = [step for step in passes.passes if step[0].__name__ not in _NEEDLESS]
        return passes

    class _Compilation(_Quick):
        """Numba's compiler for what Python calls."""

        def define_pipelines(self) -> list[Any]:
            passes = _passes(self.state)
            passes.add_pass_after(_BeginCode, AnnotateTypes)
            passes.finalize()
            return [passes]

    class _Translation(_Quick):
        """Numba's compiler without its last stage."""

        def define_pipelines(self) -> list[Any]:
            passes = _passes(self.state)
            passes.add_pass_after(_Begin, AnnotateTypes)
            passes.add_pass_after(_End, NativeLowering)
            passes.finalize()
            return [passes]


# -- Keeping: compiled code as bytes, and back -------------------------------------------------------------------------


class Store:
    """Where the compiled versions of one function are kept; ``_kept`` has the one that is used.

    ``arguments`` are the types a version was compiled for, ``processor`` says for what processor.
    """

    def path(self) -> str | None:
        """The folder, for Numba's statistics."""
        raise NotImplementedError

    def read(self, arguments: tuple[Any, ...], processor: tuple[Any, ...]) -> bytes | None:
        """What ``write`` was given; None where there is nothing."""
        raise NotImplementedError

    def write(self, arguments: tuple[Any, ...], processor: tuple[Any, ...], content: bytes) -> None:
        """Keep a version."""
        raise NotImplementedError


if has("keeping"):
    import pickle

    from numba.core import sigutils
    from numba.core.caching import NullCache
    from numba.core.compiler import CompileResult
    from numba.core.registry import cpu_target
    from numba.core.runtime.nrt import rtsys
    from numba.core.serialize import dumps

    class _Cache(NullCache):
        """What Numba asks for a version before it compiles one, and hands each one to that it has compiled."""

        def __init__(self, store: Store) -> None:
            self._store = store

        @property
        def cache_path(self) -> str | None:
            return self._store.path()

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            """The version for these arguments, ready to be called; None where it is not kept."""
            rtsys.initialize(target_context)  # a kernel that is kept needs no more; all the rest is brought in by compiling
            arguments = _arguments(sig)
            content = self._store.read(arguments, target_context.codegen().magic_tuple())
            if content is None:
                return None
            try:
                result = CompileResult._rebuild(target_context, *pickle.loads(content))
            except Exception:  # whatever may be raised for what another version of a library wrote
                return None
            return result if result.signature.args == arguments else None

        def save_overload(self, sig: Any, cres: Any) -> None:
            if not cres.library.has_dynamic_globals:  # addresses of this process
                self._store.write(_arguments(sig), cres.codegen.magic_tuple(), dumps(cres._reduce()))

    def _arguments(signature: Any) -> tuple[Any, ...]:
        """The types of a version's arguments."""
        return tuple(sigutils.normalize_signature(signature)[0])

    def closure_of(function: Callable[..., Any]) -> bytes:
        """What ``function`` refers to outside itself, which makes its code another."""
        return bytes(dumps([cell.cell_contents for cell in function.__closure__ or ()]))

    def keep_versions(kernel: Any, store: Store) -> None:
        """Let ``kernel`` look into ``store`` before it compiles, and keep there what it compiles."""
        if hasattr(kernel, "_cache"):
            kernel._cache = _Cache(store)
        else:
            MISSING["keeping"] = "numba.core.dispatcher.Dispatcher._cache is not there"

    def processor() -> tuple[Any, ...]:
        """What machine code is made for."""
        return tuple(cpu_target.target_context.codegen().magic_tuple())

    def as_bytes(library: Any) -> tuple[bytes, bytes]:
        """The machine code of a finished library, and the module of its names."""
        code, module = library.serialize_using_object_code()[2]
        return code, module

    def from_bytes(name: str, code: bytes, module: bytes) -> Any:
        """The library, ready to be called."""
        return cpu_target.target_context.codegen().unserialize_library((name, "object", (code, module)))


# -- What happens while Numba compiles ---------------------------------------------------------------------------------


def around_compilations(kernel: Any, context_manager: Callable[[], Any]) -> None:
    """Let ``context_manager()`` hold whenever ``kernel`` compiles, or loads a version that was kept."""
    if not has("hook"):
        return
    compile_for = kernel.compile

    def compile_within(sig: Any) -> Any:
        with context_manager():
            return compile_for(sig)

    kernel.compile = compile_within


def before_each_pass(function: Callable[[], None]) -> None:
    """Call ``function`` whenever a pass of Numba's compiler begins."""
    if not has("events"):
        return
    from numba.core import event

    class Passes(event.Listener):
        def on_start(self, event: Any) -> None:
            function()

        def on_end(self, event: Any) -> None:
            pass

    event.register("numba:run_pass", Passes())


# -- What intrinsics are written with ----------------------------------------------------------------------------------

if not DISABLED:
    from numba.core import cgutils as cgutils
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target
    from numba.core.typing.templates import AbstractTemplate, infer_global
    from numba.core.typing.templates import signature as signature

    compiler_lock = global_compiler_lock

    def data_of(context: Any, builder: Any, kind: Any, array: Any) -> Any:
        """The address of the first number of ``array``, a value of the type ``kind``."""
        return context.data_model_manager[kind].get(builder, array, "data")

    def type_operator(function: Any, result_of: Callable[[Any], Any]) -> None:
        """Make an operator known to type inference: ``result_of`` gets the types of the operands, and may give None."""

        @infer_global(function)
        class Template(AbstractTemplate):
            def generic(self, args: Any, kws: Any) -> Any:
                result = result_of(args)
                return None if result is None else signature(result, *args)

    def new_library(name: str, module_name: str, fill: Callable[[Any], None]) -> Any:
        """Machine code of what ``fill(module)`` writes into an empty module. Call it under the ``compiler_lock``."""
        library = cpu_target.target_context.codegen().create_library(name)
        if has("keeping"):
            library.enable_object_caching()
        module = library.create_ir_module(module_name)
        fill(module)
        library.add_ir_module(module)
        library.finalize()
        return library

    def address_of(library: Any, function_name: str) -> int:
        """Where the machine code of a function begins."""
        return int(library.get_pointer_to_function(function_name))


if has("arrays"):
    from numba.np.arrayobj import populate_array

    def array_value(context: Any, builder: Any, kind: Any, data: Any, length: Any) -> Any:
        """An array of the type ``kind`` over memory that nobody owns; ``data`` is an address as an integer."""
        array = context.make_array(kind)(context, builder)
        pointer = builder.inttoptr(data, array.data.type)
        populate_array(array, pointer, (length,), (_itemsize(context, kind),), _itemsize(context, kind), None)
        return array._getvalue()

    def new_array_value(context: Any, builder: Any, kind: Any, length: Any, align: int) -> Any:
        """An array of the type ``kind`` over memory of its own, whose first byte stands at a multiple of ``align``."""
        array, itemsize = context.make_array(kind)(context, builder), _itemsize(context, kind)
        owner = context.nrt.meminfo_alloc_aligned(builder, builder.mul(length, itemsize), align)
        data = builder.bitcast(context.nrt.meminfo_data(builder, owner), array.data.type)
        populate_array(array, data, [length], [itemsize], itemsize, owner)
        return array._getvalue()

    def _itemsize(context: Any, kind: Any) -> Any:
        return context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))


if has("entries"):

    def entry_of(kernel: Any, kinds: tuple[Any, ...]) -> tuple[int, list[str]] | None:
        """Where the machine code of ``kernel`` for arguments of these types begins, and the LLVM types that it takes them as.

        It is compiled where it was not; None where it gives a result. Before the arguments stand two addresses, of memory
        for the result and for an error; what it returns is an i32, 0 where no error was raised.
        """
        if kinds not in kernel.overloads:
            kernel.compile(kinds)
        version = kernel.overloads[kinds]
        if version.signature.return_type != types.none:
            return None
        taken = cpu_target.target_context.call_conv.get_function_type(types.none, version.signature.args).args[2:]
        return address_of(version.library, version.fndesc.llvm_func_name), [str(kind) for kind in taken]


TEAM_ENTRY = "numba_parallel_for"  # in machine code: what the threading layer is called by


def look_for_team() -> None:
    """Once the threads are started: whether their entry point is there."""
    if has("team") and not llvm.address_of_symbol(TEAM_ENTRY):
        MISSING["team"] = f"{TEAM_ENTRY} is not there"


if has("team"):

    def signature_of_call(typing_context: Any, function: Any, arguments: tuple[Any, ...]) -> Any:
        """The types of a call of ``function``, made by ``translated``, with arguments of these types."""
        return types.Dispatcher(function).get_call_type(typing_context, arguments, {})

    def linked(context: Any, function: Any, signature: Any) -> Any:
        """``function`` compiled for the types of ``signature`` and linked to what is being compiled, for ``call_linked``."""
        result = function.get_compile_result(signature)
        context.active_code_library.add_linking_library(result.library)
        return result.fndesc

    def call_linked(context: Any, builder: Any, descriptor: Any, signature: Any, arguments: list[Any]) -> None:
        """Call what ``linked`` gave."""
        context.call_internal_no_propagate(builder, descriptor, signature, arguments)

    def without_owners(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
        """A tuple of arguments whose arrays have no owner, in tuples within it too: the caller keeps the memory alive."""
        for position, kind in enumerate(kinds.types):
            if isinstance(kind, types.Array):
                array = context.make_array(kind)(context, builder, builder.extract_value(values, position))
                array.meminfo, array.parent = (cgutils.get_null_value(p.type) for p in (array.meminfo, array.parent))
                values = builder.insert_value(values, array._getvalue(), position)
            elif isinstance(kind, types.BaseTuple) and any(isinstance(t, (types.Array, types.BaseTuple)) for t in kind.types):
                inside = without_owners(context, builder, kind, builder.extract_value(values, position))
                values = builder.insert_value(values, inside, position)
        return values
