"""What a result depends on: digests of images, settings and plugins' code, versions of packages, hardware."""

import ast
import inspect
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import blake2b
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from sparseattack.plugins.requirements import imported_modules, module_spec, required_packages, source_of
from sparseattack.plugins.spec import Plugin, layers, undecorated

if TYPE_CHECKING:  # a report imports no torch
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"))  # made once: a study has a million digests
THIS_PACKAGE = "sparseattack"  # its version stands for its code
PLUGINS = "sparseattack.strategies.", "sparseattack.oracles."  # but not for that of its plugins
NUMERICAL = ("cma", "scipy", "scikit-learn")  # recorded, too, where another package needs them
UNREADABLE = (OSError, TypeError, KeyError, ImportError, ValueError, SyntaxError)  # lost, compiled, garbled
BACKEND_PACKAGES = {"openvino": ["openvino"], "onnxruntime": ["onnxruntime", "onnx", "onnxscript"]}  # needed
INSTALLED = {"site-packages", "dist-packages"}  # folders of packages, whose versions are recorded
PLAIN = bool | int | float | complex | str | bytes | None  # values whose repr is their content


def digest(content: object) -> str:
    """Digest of anything that JSON can hold: 32 hexadecimal digits."""
    return blake2b(JSON.encode(content).encode(), digest_size=16).hexdigest()


def digest_image(image: "Tensor | NDArray[np.uint8]") -> str:
    """Digest of an image ``(C, H, W)`` uint8: 32 hexadecimal digits."""
    colours = image.cpu().numpy() if hasattr(image, "cpu") else image
    content = f"{tuple(image.shape)} ".encode() + colours.tobytes()
    return blake2b(content, digest_size=16).hexdigest()


def digest_network(network: "nn.Module") -> str:
    """Digest of a network: parameters, buffers, plain attributes and classes of all its layers; 32 digits.

    Whether it is in training mode is left out: it is always evaluated in evaluation mode.
    """
    import torch

    content = blake2b(digest_size=16)
    for name, layer in network.named_modules():
        plain = {key: value for key, value in vars(layer).items() if _counts(key, value)}
        content.update(f"{name} {type(layer).__qualname__} {sorted(plain.items())}\n".encode())
        own = {**dict(layer.named_parameters(recurse=False)), **dict(layer.named_buffers(recurse=False))}
        own |= {key: value for key, value in vars(layer).items() if isinstance(value, torch.Tensor)}
        for key, value in sorted(own.items()):
            content.update(f"{key} {value.dtype} {tuple(value.shape)} ".encode())
            flat = value.detach().cpu().contiguous().flatten()
            content.update(flat.view(torch.uint8).numpy().tobytes())
    return content.hexdigest()


def _counts(name: str, value: object) -> bool:
    """Whether an attribute of a layer is a plain value that its scores may depend on."""
    return name != "training" and name[0] != "_" and _is_plain(value)


def _is_plain(value: object) -> bool:
    """Whether a value is a number, text or None, or a tuple or list of such: its repr is its content."""
    return all(map(_is_plain, value)) if isinstance(value, tuple | list) else isinstance(value, PLAIN)


def digest_source(plugin: Plugin) -> str:
    """Digest of a plugin's code, so that a changed plugin is noticed: 32 hexadecimal digits.

    Comments, docstrings, empty lines and the way in which lines are broken are no part of it, nor is the name
    of the file that the plugin stands in.
    """
    sources, home = source_code(plugin), undecorated(plugin).__module__
    compiled, own = sources.pop(""), without_comments(sources.pop(home, ""))
    return digest([compiled, own, {name: without_comments(text) for name, text in sources.items()}])


@cache
def without_comments(text: str) -> str:
    """A source as a syntax tree, without comments and docstrings; what is no Python as it is.

    The text is the same in every version of Python, unlike those of ``ast.dump`` and ``ast.unparse``.
    """
    try:
        left: list[object] = [ast.parse(text)]
    except (SyntaxError, ValueError, RecursionError):
        return text
    parts: list[object] = []  # of the tree, each node before its fields, which are left out where empty
    while left:
        node = left.pop()
        if isinstance(node, ast.AST):
            fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
            parts.append([type(node).__name__, *(name for name, _ in fields)])
            left += [value for _, value in reversed(fields)]
        elif isinstance(node, list):
            code = [each for each in node if not _is_text(each)] or [ast.Pass()]
            parts.append(len(code))
            left += reversed(code)
        else:
            parts.append(repr(node))
    return json.dumps(parts)


def _is_text(node: object) -> bool:
    """Whether a part of a syntax tree is a statement of nothing but a text, such as a docstring."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def versions(plugins: Iterable[Plugin]) -> dict[str, str]:
    """Versions of Python, of this package and of all packages that the plugins' code imports, by name."""
    distributions = _distributions()
    texts = {text for plugin in plugins for name, text in source_code(plugin).items() if name}
    packages = {"torch", "numpy"}.union(*map(required_packages, texts))
    names = {name for package in packages for name in distributions.get(package, ())} - {THIS_PACKAGE}
    names |= {needed for name in names for needed in _requirements(name) if needed in NUMERICAL}
    known = {THIS_PACKAGE: version(THIS_PACKAGE), "python": platform.python_version()}
    return known | {name: version(name) for name in sorted(names)}


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Names of the distributions that have a package, by its name; to read them takes a while."""
    return packages_distributions()


def _requirements(distribution: str) -> set[str]:
    """Distributions that another one requires, those of its extras aside."""
    lines = [line for line in requires(distribution) or () if "extra ==" not in line]
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in lines}


@dataclass(frozen=True)
class Environment:
    """What a run is made with, beside what determines it: hardware, and versions of packages."""

    system: str
    processor: str
    cores: int | None
    threads: int  # of torch
    device: str  # and the accelerator's name, or the library in place of the oracle's own
    versions: dict[str, str]  # of Python and of the packages that the code needs

    @property
    def key(self) -> str:
        """Digest of all of it."""
        return digest(asdict(self))


def environment(device: str, plugins: Iterable[Plugin], backend: str = "") -> Environment:
    """This machine with its ``device``, and the versions that the code of ``plugins`` needs.

    ``backend`` is one of BACKEND_PACKAGES that computes an oracle's scores in place of its own library.
    """
    import torch

    gpu = torch.cuda.get_device_name(device) if device.startswith("cuda") else ""
    return Environment(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        device=" ".join(filter(None, (device, gpu, backend and f"by {backend}"))),
        versions=versions(plugins) | {name: version(name) for name in BACKEND_PACKAGES.get(backend, ())},
    )


def _processor() -> str:
    """The processor's model name where Linux gives one, else what Python knows."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


def source_code(plugin: Plugin) -> dict[str, str]:
    """Sources of a plugin's module and of those it imports from its own package or the user's files, by name.

    Under the empty name stands what no source shows: values in the closures and defaults of the function,
    and all of a function that has no source, such as one of a notebook.
    """
    function = undecorated(plugin)
    home = function.__module__
    sources = _own_sources(home)
    without_source = not sources.get(home) or _is_interactive(function)
    return sources | {"": _compiled_code(plugin, home, whole=without_source)}


def _own_sources(module: str) -> dict[str, str]:
    """Sources of a module and, again and again, of those it imports from its package or the user's files."""
    found: dict[str, str] = {}
    left = [module]
    while left:
        name = left.pop()
        if name not in found and (text := _source(name)) is not None:
            found[name] = text
            with suppress(*UNREADABLE):
                left += _own_imports(text, _package(name), module)
    return found


def _source(module: str) -> str | None:
    """The source of a module, imported or not; empty if it is compiled, None if there is no such module."""
    with suppress(*UNREADABLE):
        return inspect.getsource(sys.modules[module])
    with suppress(*UNREADABLE):
        return source_of(module)
    return None


def _package(module: str) -> str:
    """The package that a module's relative imports start from."""
    imported = sys.modules.get(module)
    return (imported.__package__ if imported else module_spec(module).parent) or ""


def _own_imports(text: str, package: str, module: str) -> Iterator[str]:
    """Modules that a source imports from the package of the plugin's ``module``, or from the user's files."""
    root = (package or module).partition(".")[0]
    own = tuple(each for each in PLUGINS if module.startswith(each))
    for name, relative in imported_modules(text, package):
        top = name.partition(".")[0]
        if relative or name.startswith(own) or (root != THIS_PACKAGE and (top == root or _is_users(top))):
            yield name


def _is_users(top: str) -> bool:
    """Whether a top-level module stands in a file of the user's: not installed, not of Python, not ours."""
    if top == THIS_PACKAGE or top in sys.stdlib_module_names:
        return False
    with suppress(*UNREADABLE):
        found = module_spec(top)
        places = [found.origin or "", *(found.submodule_search_locations or ())]
        return not any(INSTALLED & set(Path(place).parts) for place in places)
    return False


def _is_interactive(function: Plugin) -> bool:
    """Whether a function was typed in, in a notebook or a shell: its code stands in no file."""
    return isinstance(function, FunctionType) and function.__code__.co_filename.startswith("<")


def _compiled_code(plugin: Plugin, home: str, *, whole: bool) -> str:
    """Closures and defaults of a plugin and of the functions of module ``home`` in them, as one text.

    With ``whole``, the byte code as well, and the values of the global names that it uses. Of a value that
    is neither plain nor a function only the type counts. The text is the same in every process.
    """
    functions = _called_functions(plugin)
    lines: list[str] = []
    for function in functions:  # grows
        values = _bound_values(function)
        if whole and function.__module__ == home:
            values += [function.__code__, *_used_globals(function)]
        inner = [value for value in values if isinstance(value, FunctionType) and value.__module__ == home]
        functions += [one for one in inner if one not in functions]
        lines += map(_value_text, values)
    return "\n".join(lines)


def _called_functions(plugin: Plugin) -> list[FunctionType]:
    """The Python functions of a plugin's layers; of an object, its ``__call__``."""
    called: list[Any] = [
        each if isinstance(each, FunctionType) else type(each).__call__ for each in layers(plugin)
    ]
    return [each for each in called if isinstance(each, FunctionType)]


def _bound_values(function: FunctionType) -> list[object]:
    closure: list[object] = [cell.cell_contents for cell in function.__closure__ or ()]
    return [*closure, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()]


def _used_globals(function: FunctionType) -> list[object]:
    """Values of all global names that a function mentions."""
    known = function.__globals__
    return [known[name] for name in sorted(set(_mentioned(function.__code__))) if name in known]


def _mentioned(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _mentioned(inner)


def _constants(code: CodeType) -> tuple[object, ...]:
    """The constants of a function's byte code, but for its docstring: that is the first, if there is one."""
    flag = getattr(inspect, "CO_HAS_DOCSTRING", inspect.CO_OPTIMIZED)  # the first is new in Python 3.13
    documented = code.co_flags & flag and not code.co_name.startswith("<") and code.co_consts
    if documented and isinstance(code.co_consts[0], str):
        return (None, *code.co_consts[1:])
    return code.co_consts


def _value_text(value: object) -> str:
    if isinstance(value, CodeType):
        return _value_text((value.co_code, value.co_names, _constants(value)))
    if isinstance(value, Mapping):
        return _value_text(tuple(value.items()))
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_value_text, value))})"
    if isinstance(value, set | frozenset):  # their order differs from process to process
        return f"{{{', '.join(sorted(map(_value_text, value)))}}}"
    return repr(value) if isinstance(value, PLAIN) else type(value).__qualname__
