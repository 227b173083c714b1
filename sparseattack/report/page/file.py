"""The file of a page: written completely or not at all, and over nothing but another page."""

from collections.abc import Mapping
from pathlib import Path

from sparseattack.errors import InputError
from sparseattack.files import write_whole
from sparseattack.report.figures.figure import require_matplotlib
from sparseattack.report.page.document import html, require_jinja
from sparseattack.report.results import Results

START = "<!DOCTYPE html>"


def check_page(path: Path) -> None:
    """Refuse, before anything is read, what cannot be written: InputError.

    That is a folder that is not there, a file that is no page, and a page without Jinja2 or matplotlib.
    """
    require_jinja()
    require_matplotlib()
    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for a page: name another place with --html")
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            known = file.read(len(START)) in (b"", START.encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    if not known:
        raise InputError(f"{path} is there already and is no page: name another place with --html")


def write_page(several: Mapping[str, Results], path: Path) -> None:
    """Write the page of studies by name; InputError where it cannot be written."""
    text = html(several).encode()
    try:
        write_whole(path, lambda fresh: fresh.write_bytes(text))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
