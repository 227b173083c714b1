"""A plugin's source, read without importing it: summary, settings, imports and missing packages."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, metadata
from importlib.util import find_spec, resolve_name
from itertools import chain
from symtable import symtable

from sparseattack.errors import brief

EXTRA = re.compile(r'([\w.-]+).*extra == "([\w-]+)"')  # a requirement of an extra, in a package's metadata
STATEMENTS = "body", "orelse", "finalbody", "handlers", "cases"  # lists of statements in a syntax tree


@dataclass(frozen=True)
class Description:
    """A plugin as its source describes it."""

    summary: str  # first line of the docstring
    settings: dict[str, str]  # keyword-only parameters and their defaults, as written; empty if required
    missing: tuple[str, ...]  # packages that its module imports and that are not installed
    uses: tuple[str, ...] | None = None  # what a strategy declares with ``uses``; None if unknown
    problem: str = ""  # why the source cannot be read


def describe(module: str, attribute: str) -> Description:
    """Describe the function ``attribute`` of ``module`` by its source; no line of it is executed."""
    try:
        text = source_of(module)
        tree = ast.parse(text)
    except Exception as error:  # a broken plugin can raise anything
        return Description("", {}, (), problem=brief(error))
    missing = tuple(name for name in _required_packages(tree) if find_spec(name) is None)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == attribute]
    if not functions:  # perhaps it is imported or assigned
        identifiers = symtable(text, module, "exec").get_identifiers()
        exists = not text or attribute.partition(".")[0] in identifiers
        return Description("", {}, missing, problem="" if exists else f"there is no {attribute} in {module}")
    function = functions[0]
    summary = (ast.get_docstring(function) or ast.get_docstring(tree) or "").split("\n")[0]
    defaults = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    settings = {one.arg: ast.unparse(default) if default else "" for one, default in defaults}
    return Description(summary, settings, missing, _declared_uses(function))


def _declared_uses(function: ast.FunctionDef) -> tuple[str, ...] | None:
    """The names in the decorator ``@uses(...)`` of a function; None where they are computed."""
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="uses") | ast.Attribute(attr="uses"), args=args):
                names = [one.value if isinstance(one, ast.Constant) else None for one in args]
                return tuple(sorted(map(str, names))) if None not in names else None
    return ()


def source_of(module: str) -> str:
    """The source of a module, empty if it is compiled; neither it nor its packages are imported."""
    loader = module_spec(module).loader
    return (isinstance(loader, InspectLoader) and loader.get_source(module)) or ""


def module_spec(module: str) -> ModuleSpec:
    """Where a module is found; neither it nor its packages are imported. ModuleNotFoundError if nowhere."""
    package, _, _ = module.rpartition(".")
    path = (module_spec(package).submodule_search_locations or ()) if package else None
    specs = (finder.find_spec(module, path) for finder in sys.meta_path)
    if (found := next(filter(None, specs), None)) is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    return found


def required_packages(text: str) -> list[str]:
    """Packages that a source imports at its top level; none if it cannot be parsed."""
    try:
        return _required_packages(ast.parse(text))
    except (ValueError, SyntaxError):
        return []


def _required_packages(tree: ast.Module) -> list[str]:
    """Packages that a module imports at its top level, but not in ``try`` or ``if``."""
    names: list[str] = []
    for node in chain.from_iterable(n.body if isinstance(n, ast.With) else [n] for n in tree.body):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return list(dict.fromkeys(name.split(".")[0] for name in names))


@cache
def imported_modules(text: str, package: str) -> tuple[tuple[str, bool], ...]:
    """Full names of all that a source imports, anywhere in it, and whether by a relative import.

    Relative imports start from ``package``. ``from a import b`` gives ``a`` and ``a.b``: b may be a module.
    """
    found: list[tuple[str, bool]] = []
    for node in _statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [(alias.name, False) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            found += [(name, node.level > 0) for name in (base, *(f"{base}.{a.name}" for a in node.names))]
    return tuple(found)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement of a source, and the parts of statements that hold others; no expressions."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        for name in STATEMENTS:
            left += getattr(node, name, ())


def install_command(module: str, package: str) -> str:
    """The pip command that installs ``package`` for ``module``: an extra of its distribution if one fits."""
    home, package = module.split(".", maxsplit=1)[0], package.split(".", maxsplit=1)[0]
    try:
        known = metadata(home)
    except (PackageNotFoundError, ValueError):  # the path of a file is no distribution's name
        return f"pip install {package}"
    wanted = re.sub(r"[-_.]+", "-", package).lower()
    matches = map(EXTRA.match, known.get_all("Requires-Dist") or ())
    extras = {match[1].lower(): match[2] for match in matches if match}
    extras |= {extra: extra for extra in known.get_all("Provides-Extra") or ()}
    return f'pip install "{home}[{extras[wanted]}]"' if wanted in extras else f"pip install {package}"
