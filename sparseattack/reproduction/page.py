"""A reproduction as one page of HTML: every table with the paper's column, its notes and its figures."""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from sparseattack.errors import InputError, number_of
from sparseattack.files import write_whole
from sparseattack.report.export.robustness import command_of
from sparseattack.report.page.cells import Heading, PageTable, number_cell, text_cell
from sparseattack.report.page.document import PageSection, sections_html
from sparseattack.report.page.drawings import Drawings
from sparseattack.report.page.origin import Fact, origins, versions_of

from .figures import figures_of
from .one_pixel import Reproduction
from .render import CellText, FilledTable, as_json, grid
from .studies import FinishedStudy

NAME = "one-pixel.html"  # of the file, in the folder of the reproduction
TITLE = "One pixel attack for fooling deep neural networks, measured again"
LEAD = (
    "How often does changing one pixel fool a network, and how near are the figures that are measured here"
    " to those that Su, Vargas and Sakurai (2019) printed?"
)
MEANING = (
    "Ours with its 95 % interval and n, the number of images; beside it the paper's, inside our interval,"
    " overlapping with it, or outside."
)

ELSEWHERE = "asked on", "not charged"  # facts of a study: the dates are one sentence, its page has the other


def write_reproduction(reproduction: Reproduction, filled: Sequence[FilledTable], command: str = "") -> Path:
    """Write the page of tables that are computed by a command; InputError without Jinja2 or matplotlib."""
    path = reproduction.folder / NAME
    text = page(reproduction, filled, command).encode()
    try:
        write_whole(path, lambda fresh: fresh.write_bytes(text))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def page(reproduction: Reproduction, filled: Sequence[FilledTable], command: str = "") -> str:
    """The same as text."""
    finished, draw = reproduction.finished(), Drawings()
    sections = []
    for one in filled:
        shown = figures_of(one.table, finished)
        sections.append(
            PageSection(
                id=f"table-{one.table.name}",
                title=one.table.title,
                sentences=one.notes,
                tables=[page_table(one)],
                figures=[draw.one(figure, f"table-{one.table.name}-{figure.name}") for figure in shown],
                commands=[],
            )
        )
    studies = list(finished.values())
    told, asked = list(_origins(studies)), [*[command] * bool(command), *_commands(studies)]
    sections.append(PageSection("origin", "How to repeat it", told, [], [], asked))
    version = versions_of([study.found for study in studies])
    texts = [json.loads(as_json(one.table, one.cells, one.notes)) for one in filled]
    return sections_html(TITLE, LEAD, sections, json.dumps({"tables": texts}), draw, version=version)


def page_table(one: FilledTable) -> PageTable:
    """A table with the paper's column beside that of each network of which it prints anything."""
    headings, rows = grid(one.cells)
    heads = [Heading("metric", numeric=False), *(Heading(heading) for heading in headings[1:])]
    body = [[text_cell(name), *(number_cell(_text(cell)) for cell in cells)] for name, cells in rows]
    return PageTable("Measured here, and beside it what the paper prints", heads, body, MEANING)


def _text(cell: CellText) -> str:
    return f"{cell.value} ({cell.detail})" if cell.detail else cell.value


def _origins(studies: Collection[FinishedStudy]) -> Iterator[str]:
    """What the studies are, and what they were made with, of which networks where these differ."""
    count = number_of(len(studies), "study", "studies")
    yield f"{count}, one for each of the compare commands, which make them again."
    dates = sorted({study.request.created[:10] for study in studies})
    if dates:
        yield f"They were asked for on {' and '.join(dict.fromkeys((dates[0], dates[-1])))}."
    networks: dict[Fact, list[str]] = {}
    for study in studies:
        for fact in origins(study.found):
            networks.setdefault(fact, []).append(study.request.oracle)
    every = {study.request.oracle for study in studies}
    for fact, names in networks.items():
        of = "" if every == set(names) else f", {', '.join(dict.fromkeys(names))}"
        if fact.name not in ELSEWHERE:
            yield f"{fact.name[0].upper()}{fact.name[1:]}{of}: {fact.text}"


def _commands(studies: Collection[FinishedStudy]) -> list[str]:
    """The commands that make the studies again."""
    return list(dict.fromkeys(command_of(study.experiment) for study in studies))
