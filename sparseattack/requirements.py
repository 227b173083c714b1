"""What a plugin's source says about it, without importing it: its summary, settings and packages."""

import ast
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from importlib.util import find_spec
from pathlib import Path


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
        spec = find_spec(module)
        tree = ast.parse(Path(str(spec.origin if spec else None)).read_bytes())
    except Exception as error:  # whatever a broken plugin does
        return Description("", {}, (), f"{type(error).__name__}: {error}")
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == attribute]
    if not functions:
        return Description("", {}, (), f"no function {attribute} in {module}")
    function = functions[0]
    summary = (ast.get_docstring(function) or ast.get_docstring(tree) or "").split("\n")[0]
    defaults = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    settings = {one.arg: ast.unparse(default) if default else "" for one, default in defaults}
    return Description(summary, settings, tuple(name for name in _roots(tree) if find_spec(name) is None))


def _roots(tree: ast.Module) -> list[str]:
    """Packages that the module imports at its top level."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return list(dict.fromkeys(name.split(".")[0] for name in names))


def imports(module: str) -> list[str]:
    """Packages that ``module`` imports at its top level; none where there is no source."""
    try:
        spec = find_spec(module)
        return _roots(ast.parse(Path(str(spec.origin if spec else None)).read_bytes()))
    except (OSError, ValueError, SyntaxError, ImportError):
        return []


def advice(module: str, package: str) -> str:
    """What to install so that ``module`` finds ``package``."""
    home, package = module.split(".", maxsplit=1)[0], package.split(".", maxsplit=1)[0]
    try:
        extras = metadata(home).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        extras = []
    wanted = re.sub(r"[-_.]+", "-", package).lower()
    if wanted in extras:
        return f'pip install "{home}[{wanted}]"'
    return f"pip install {package}"
