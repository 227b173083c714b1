"""The figures of a study inside the page, made small: what matplotlib repeats is in the page once.

Coordinates are rounded to a tenth of a point. Identifiers are given anew, so that no two figures share one.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sparseattack.report.figures.collection import figures
from sparseattack.report.figures.figure import ReportFigure
from sparseattack.report.page.pairs import pair_data
from sparseattack.report.results import Results

FIRST = ("success",)  # kinds that stand above the tables

TAG = re.compile(r"<[^>]*>")
DEFINED, USED = re.compile(r' id="([^"]*)"'), re.compile(r'(url\(#|href="#)([^")]+)')  # identifiers
STYLE = re.compile(r' style="([^"]*)"')
NUMBER = re.compile(r"-?\d+\.\d+")
STEP = re.compile(r"([A-Za-z])([^A-Za-z]*)")  # of a path
SIZE = re.compile(r'viewBox="([^"]*)"')
EVERYWHERE = re.compile(r"<!--.*?-->|<(metadata|style)\b.*?</\1>|<\?.*?\?>", re.DOTALL)


class PageFigure(NamedTuple):
    """One figure as the page shows it."""

    name: str  # in the page
    kind: str
    title: str
    sentence: str  # what comes out
    caption: str
    size: str  # of its drawing: left, top, width, height
    drawing: str  # what is inside an <svg> element of this size
    pairs: str  # JSON from which another pair is drawn; empty where there is none


class Drawings:
    """Draws figures; ``styles`` are those of all of them, by class."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}  # by style
        self._drawn = 0

    @property
    def styles(self) -> str:
        """The classes of all figures that were drawn, as CSS."""
        return "".join(f".{name} {{ {style} }}\n" for style, name in self._classes.items())

    def of(self, found: Results, chapter: str) -> Iterator[PageFigure]:
        """Every figure of a study; their names begin with that of its ``chapter``."""
        pairs = pair_data(found)
        for figure in figures(found):
            yield self.one(figure, f"{chapter}-{figure.name}", pairs.get(figure.name, ""))

    def one(self, figure: ReportFigure, name: str, pairs: str = "") -> PageFigure:
        """A figure under a name in the page, and the JSON from which other pairs of it are drawn."""
        svg = figure.svg()
        size = SIZE.search(svg)
        return PageFigure(
            name,
            figure.kind,
            figure.title,
            figure.sentence,
            figure.caption,
            size[1] if size else "",
            self._compact(svg),
            pairs,
        )

    def _compact(self, svg: str) -> str:
        """What is inside an ``<svg>`` element, with the same look in fewer letters."""
        self._drawn += 1
        svg = EVERYWHERE.sub("", svg)
        found = dict.fromkeys(name for _, name in USED.findall(svg))
        names = {name: f"f{self._drawn}-{place}" for place, name in enumerate(found)}
        groups: list[bool] = []  # of open ones, whether each is kept
        parts, end = [], 0
        for tag in TAG.finditer(svg):
            parts.append(svg[end : tag.start()] if svg[end : tag.start()].strip() else "")
            parts.append(self._tag(tag[0], names, groups))
            end = tag.end()
        return "".join(parts[1:]).strip()

    def _tag(self, tag: str, names: dict[str, str], groups: list[bool]) -> str:
        """A tag in short; none for the whole, and for a group without any attribute."""
        if tag.startswith(("<svg", "</svg")):
            return ""
        if tag == "</g>":
            return tag if groups.pop() else ""
        tag = DEFINED.sub(lambda found: f' id="{names[found[1]]}"' if found[1] in names else "", tag)
        tag = USED.sub(lambda found: f"{found[1]}{names[found[2]]}", tag)
        tag = STYLE.sub(lambda found: f' class="{self._class(found[1])}"', tag)
        tag = re.sub(r' transform="rotate\(-?0 [^"]*"', "", tag.replace("xlink:href", "href"))
        tag = re.sub(r'( (?:d|x|y|width|height|transform)=")([^"]*)', _rounded, tag)
        tag = re.sub(r"\s+", " ", tag).replace("base64, ", "base64,")
        if tag.startswith("<g") and not tag.startswith("<g "):
            groups.append(False)
            return ""
        if tag.startswith("<g "):
            groups.append(True)
        return tag

    def _class(self, style: str) -> str:
        return self._classes.setdefault(style, f"d{len(self._classes)}")


def _rounded(attribute: re.Match[str]) -> str:
    """An attribute with its numbers rounded, a path in its shortest form."""
    text = NUMBER.sub(lambda number: f"{round(float(number[0]), 1) + 0.0:g}", attribute[2])
    return f"{attribute[1]}{_short(text) if attribute[1].startswith(' d=') else text}"


def _short(path: str) -> str:
    """A path whose level and upright lines have one coordinate, without spaces that it does not need."""
    parts, x, y = [], "", ""
    for step in STEP.finditer(path):
        command, numbers = step[1], step[2].split()
        if command == "L" and len(numbers) == len("xy"):
            if numbers[0] == x:
                command, numbers = "V", numbers[1:]
            elif numbers[1] == y:
                command, numbers = "H", numbers[:1]
        ends = step[2].split()[-2:]
        x, y = ends if len(ends) == len("xy") else ("", "")
        parts.append(f"{command}{' '.join(numbers)}")
    return "".join(parts)
