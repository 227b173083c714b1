"""The page of one study, of several in chapters, or of other tables, made by Jinja2, which is optional.

Every text that does not come from this package is escaped, and characters that a terminal would obey are
visible. The page has nothing in it that depends on when or where it is made.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

from sparseattack.errors import InputError, listed
from sparseattack.plugins.requirements import install_command
from sparseattack.report.console import visible_lines
from sparseattack.report.page.cells import PageTable, section_table
from sparseattack.report.page.chapter import Chapter, StoredPicture, chapter
from sparseattack.report.page.drawings import Drawings, PageFigure
from sparseattack.report.page.origin import versions_of
from sparseattack.report.page.pairs import script_safe
from sparseattack.report.page.wording import asked
from sparseattack.report.results import Results
from sparseattack.report.side_by_side import common_explanation, common_json, common_sections, of_study

RADIUS, SMALLEST = 0.055, 1.2  # of a ring: share of an image's longer side, and pixels
FILE = "numbers.json"  # what the numbers inside are called when they are saved


class PageLink(NamedTuple):
    """A place in the page."""

    name: str
    text: str


class Ring(NamedTuple):
    """What stands around a changed pixel; its radius is in pixels of the image."""

    id: str
    radius: float


@dataclass(frozen=True)
class PageSection:
    """Tables and figures that are no study's chapter."""

    id: str  # in the page
    title: str
    sentences: list[str]
    tables: list[PageTable]
    figures: list[PageFigure]
    commands: list[str]


@dataclass(frozen=True)
class Page:
    """All that the template shows."""

    title: str
    lead: str
    links: list[PageLink]
    sections: list[PageSection]
    parts: list[Chapter]
    pictures: list[StoredPicture]
    rings: list[Ring]
    common: list[PageTable]  # of several studies
    common_note: str
    version: str
    file: str
    numbers: str  # JSON, safe inside a script element
    style: str
    drawn: str  # style of the figures
    script: str
    script_digest: str  # the only script that a browser runs


def html(several: Mapping[str, Results]) -> str:
    """The page of studies by name, complete; InputError where Jinja2 or matplotlib is not installed."""
    require_jinja()
    return _rendered(_page(several))


def sections_html(
    title: str, lead: str, sections: Sequence[PageSection], numbers: str, draw: Drawings, *, version: str
) -> str:
    """The page of other tables and figures, which ``draw`` has drawn; ``numbers`` are JSON to be saved.

    ``version`` is that of sparseattack that made the runs.
    """
    require_jinja()
    links = [PageLink(one.id, one.title) for one in sections]
    script, digest = _script()
    return _rendered(
        Page(
            title=title,
            lead=lead,
            links=links,
            sections=list(sections),
            parts=[],
            pictures=[],
            rings=[],
            common=[],
            common_note="",
            version=version,
            file=FILE,
            numbers=script_safe(numbers),
            style=_file("page.css"),
            drawn=draw.styles,
            script=script,
            script_digest=digest,
        )
    )


def _rendered(page: Page) -> str:
    from jinja2 import Environment, StrictUndefined

    def shown(value: object) -> object:
        return visible_lines(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown
    )
    template = environment.from_string(_file("page.html.jinja"))
    return template.render(page=page).lstrip() + "\n"


def _script() -> tuple[str, str]:
    """The script of the page, and its digest as a browser wants it."""
    script = _file("page.js")
    return script, f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def require_jinja() -> None:
    """InputError, with the command that installs it, where Jinja2 is not installed."""
    try:
        import jinja2  # noqa: F401
    except ModuleNotFoundError as error:
        command = install_command("sparseattack", "report")
        raise InputError(f"a page needs {error.name}: {command}") from error


def _page(several: Mapping[str, Results]) -> Page:
    alone, draw = len(several) == 1, Drawings()
    parts = [
        chapter(f"study-{place}", "" if alone else name, found, draw)
        for place, (name, found) in enumerate(several.items(), 1)
    ]
    first = parts[0]
    script, digest = _script()
    labelled = [of_study(name, found) for name, found in several.items()]
    methods = [method for found in labelled for method in found.methods]
    tables = [] if alone else [section_table(each, methods) for each in common_sections(labelled)]
    return Page(
        title=f"How fragile is {first.oracle}?" if alone else f"{len(several)} studies side by side",
        lead=asked(next(iter(several.values()))) if alone else f"{listed(list(several))}.",
        links=_links(parts),
        sections=[],
        parts=parts,
        pictures=[picture for part in parts for picture in part.pictures],
        rings=_rings(parts),
        common=tables,
        common_note=common_explanation(several),
        version=versions_of(list(several.values())),
        file=FILE,
        numbers=_numbers(several),
        style=_file("page.css"),
        drawn=draw.styles,
        script=script,
        script_digest=digest,
    )


def _rings(parts: Sequence[Chapter]) -> list[Ring]:
    """A ring for every size of image that is shown."""
    cards = [card for part in parts for card in (*part.fragile, *part.cards)]
    sides = {card.ring: max(card.width, card.height) for card in cards}
    return [Ring(id, max(SMALLEST, RADIUS * side)) for id, side in sides.items()]


def _links(parts: Sequence[Chapter]) -> list[PageLink]:
    if len(parts) > 1:
        return [PageLink("side-by-side", "Side by side"), *(PageLink(part.id, part.name) for part in parts)]
    (part,) = parts
    return [
        PageLink(f"{part.id}-asked", "What was asked"),
        *[PageLink(f"{part.id}-success", "Success against queries")] * bool(part.curves or part.tables),
        *[PageLink(f"{part.id}-pairs", "Which is better")] * bool(part.pairs),
        *[PageLink(f"{part.id}-figures", "More figures")] * bool(part.figures),
        PageLink(f"{part.id}-gallery", "Gallery"),
        PageLink(f"{part.id}-origin", "How to repeat it"),
    ]


def _numbers(several: Mapping[str, Results]) -> str:
    """The numbers of all studies as compact JSON without any letter that could end a script element."""
    texts = {name: found.to_json() for name, found in several.items()}
    whole = next(iter(texts.values())) if len(texts) == 1 else common_json(texts)
    return script_safe(json.dumps(json.loads(whole), separators=(",", ":")))


def _file(name: str) -> str:
    """A file beside this module."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
