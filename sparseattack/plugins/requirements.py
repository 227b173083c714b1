"""What a plugin's source says about it, without importing it: its summary, settings and packages."""

import ast
import re
import sys
from dataclasses import dataclass
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, metadata
from importlib.util import find_spec
from itertools import chain
from symtable import symtable

from sparseattack.errors import brief

NEED = re.compile(r'([\w.-]+).*extra == "([\w-]+)"')  # what an extra brings


@dataclass(frozen=True)
class Description:
    """A plugin as its source describes it."""

    summary: str  # first line of the docstring
    settings: dict[str, str]  # keyword-only parameters and their defaults, as written
    missing: tuple[str, ...]  # imported packages that are not installed
    problem: str = ""  # why the source could not be read


def describe(module: str, attribute: str) -> Description:
    """Read the source of ``attribute`` in ``module``; nothing of it is run."""
    try:
        text = source(module)
        tree = ast.parse(text)
    except Exception as error:  # whatever a broken plugin does
        return Description("", {}, (), brief(error))
    missing = tuple(name for name in _roots(tree) if find_spec(name) is None)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == attribute]
    if not functions:  # imported or assigned here, perhaps
        here = symtable(text, module, "exec").get_identifiers()
        known = not text or attribute.partition(".")[0] in here
        return Description("", {}, missing, "" if known else f"there is no {attribute} in {module}")
    function = functions[0]
    summary = (ast.get_docstring(function) or ast.get_docstring(tree) or "").split("\n")[0]
    defaults = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    settings = {one.arg: ast.unparse(default) if default else "" for one, default in defaults}
    return Description(summary, settings, missing)


def source(module: str) -> str:
    """The text of ``module``, empty where it is compiled; the packages it is in are not imported either."""
    loader = spec_of(module).loader
    return (isinstance(loader, InspectLoader) and loader.get_source(module)) or ""


def spec_of(module: str) -> ModuleSpec:
    """Where ``module`` is; neither it nor the packages it is in are imported."""
    package, _, _ = module.rpartition(".")
    path = (spec_of(package).submodule_search_locations or ()) if package else None
    specs = (finder.find_spec(module, path) for finder in sys.meta_path)
    if (found := next(filter(None, specs), None)) is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    return found


def _roots(tree: ast.Module) -> list[str]:
    """Packages that the module imports at its top level and cannot do without."""
    names: list[str] = []
    for node in chain.from_iterable(n.body if isinstance(n, ast.With) else [n] for n in tree.body):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return list(dict.fromkeys(name.split(".")[0] for name in names))


def imports(text: str) -> list[str]:
    """Packages that a module of the source ``text`` imports at its top level; none where it is garbled."""
    try:
        return _roots(ast.parse(text))
    except (ValueError, SyntaxError):
        return []


def advice(module: str, package: str) -> str:
    """What to install so that ``module`` finds ``package``: the extra called so, or one that brings it."""
    home, package = module.split(".", maxsplit=1)[0], package.split(".", maxsplit=1)[0]
    try:
        known = metadata(home)
    except (PackageNotFoundError, ValueError):  # a file's path is no name at all
        return f"pip install {package}"
    wanted = re.sub(r"[-_.]+", "-", package).lower()
    needs = map(NEED.match, known.get_all("Requires-Dist") or ())
    brought = {need[1].lower(): need[2] for need in needs if need}
    extras = brought | {extra: extra for extra in known.get_all("Provides-Extra") or ()}
    return f'pip install "{home}[{extras[wanted]}]"' if wanted in extras else f"pip install {package}"
