"""All that is asked for: some tables, measured into a folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sparseattack.data.load import load_images
from sparseattack.errors import InputError
from sparseattack.plugins.loading import oracle_plugin
from sparseattack.plugins.registry import load
from sparseattack.problem.devices import device_of
from sparseattack.study.prepared import Prepared

from .finding import Finding, find
from .part import Choices, Part
from .run import Stage, conduct, shown
from .table import Table

Event = tuple[Part, Stage | str]
"""How far a part has come, or why it is left out."""


@dataclass(frozen=True)
class Reproduction:
    """Tables, and the studies they are made of."""

    tables: tuple[Table, ...]
    choices: Choices
    folder: Path

    @cached_property
    def parts(self) -> list[Part]:
        """All that has to be run, each once; quick ones first."""
        every = dict.fromkeys(part for table in self.tables for part in table.parts())
        return [part for part in every if part.wanted(self.choices) != 0]

    @property
    def studies(self) -> Path:
        """Where they are."""
        return self.folder / "studies"

    def found(self) -> dict[Part, Finding]:
        """The parts that are finished."""
        paths = {part: part.path(self.choices, self.studies) for part in self.parts}
        return {part: finding for part, path in paths.items() if (finding := find(path))}

    def check(self) -> None:
        """Refuse what does not exist, before anything is run."""
        device_of(self.choices.device)
        if not self.parts:
            raise InputError("there is nothing to run: every number of images is 0")
        for part in self.parts:
            load("strategies", part.strategy or "de")
            oracle_plugin(part.network, self.choices.device)
        for images in {part.experiment(self.choices).images for part in self.parts}:
            load_images(images)

    def run(self) -> Iterator[Event]:
        """Run what the studies lack, after ``check``; a network that cannot be loaded is left out."""
        self.studies.mkdir(parents=True, exist_ok=True)
        known: dict[tuple[str, str], Prepared] = {}
        for part in self.parts:
            which = part.network, part.experiment(self.choices).images
            try:
                known[which] = shown(part, self.choices, known.get(which))
            except InputError as error:
                yield part, str(error)
                continue
            for stage in conduct(part, self.choices, self.studies, known[which]):
                yield part, stage
