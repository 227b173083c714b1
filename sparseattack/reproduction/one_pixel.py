"""Measure tables of the one-pixel paper (Su, Vargas and Sakurai, 2019) again, into a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sparseattack.data.load import load_images, load_images_by_size
from sparseattack.errors import InputError
from sparseattack.experiment.clean import CleanEvaluation, CleanSettings
from sparseattack.plugins.registry import load, oracle_plugin
from sparseattack.problem.oracle import device_of

from .run import StudyProgress, load_network, run_study
from .studies import TARGETS, FinishedStudy, Options, PlannedStudy, read_finished
from .tables import PaperTable, make_table, table_names

NETWORKS = ("allconv", "nin", "vgg16")
IMAGENET = ("efficientnet-lite0",)
STRATEGIES = ("random", "exhaustive")

Event = tuple[PlannedStudy, StudyProgress | str]
"""The progress of a study, or the reason why it is left out."""


def one_pixel(
    options: Options,
    folder: str | Path,
    *,
    tables: str = "8",
    networks: Sequence[str] = NETWORKS,
    imagenet_networks: Sequence[str] = IMAGENET,
    pixels: Sequence[int] = (),
    strategies: Sequence[str] = STRATEGIES,
) -> "Reproduction":
    """The tables named ``4,8`` or ``all``, of the oracles ``networks``, with their files in ``folder``.

    ``pixels``, besides 1, and ``strategies``, besides differential evolution, are rows of Table VIII.
    ``all`` has no ImageNet table without photographs. Images default to the CIFAR-10 test set, or else the
    sample in the package. The number of targeted images defaults to one that makes about as many runs as
    ``untargeted`` ones.

    InputError for an unknown table, an empty list of networks, or a table that has none of them.
    """
    names = table_names(tables)
    if "imagenet" in names and not options.photographs:
        if tables != "all":
            raise InputError("the table imagenet needs photographs: name them with --photographs")
        names.remove("imagenet")
    if not networks or not imagenet_networks:
        raise InputError("no network is named")
    if pixels and min(pixels) < 1:
        raise InputError(f"at least 1 pixel changes, not {min(pixels)}")
    more, others = sorted({*pixels} - {1}), list(dict.fromkeys(strategies))
    made = [
        make_table(
            name,
            list(dict.fromkeys(imagenet_networks if name == "imagenet" else networks)),
            pixels=more,
            strategies=others,
        )
        for name in names
    ]
    if not (chosen := tuple(table for table in made if table.networks)):
        raise InputError(f"in the paper's table {tables} there is no {', '.join(networks)}")
    return Reproduction(chosen, _with_defaults(options), Path(folder).expanduser())


def _with_defaults(options: Options) -> Options:
    targeted = targeted_images(options.untargeted) if options.targeted is None else options.targeted
    return replace(options, images=options.images or default_images(), targeted=targeted)


def default_images() -> str:
    """The CIFAR-10 test set if it was downloaded, or else the sample in the package."""
    try:
        load_images("cifar10:test[0]")
    except InputError:
        return "sample"
    return "cifar10:test"


def targeted_images(untargeted: int | None) -> int | None:
    """Images whose nine targets make about as many runs as ``untargeted`` ones; None is the paper's."""
    return None if untargeted is None else max(untargeted // TARGETS, min(untargeted, 1))


@dataclass(frozen=True)
class Reproduction:
    """Tables of a paper, and the studies that they are computed from."""

    tables: tuple[PaperTable, ...]
    options: Options
    folder: Path

    @cached_property
    def planned(self) -> list[PlannedStudy]:
        """All studies, each once, quick ones first."""
        every = dict.fromkeys(planned for table in self.tables for planned in table.studies())
        return [planned for planned in every if planned.num_images(self.options) != 0]

    @property
    def study_folder(self) -> Path:
        """The folder of the studies."""
        return self.folder / "studies"

    def finished(self) -> dict[PlannedStudy, FinishedStudy]:
        """The studies that are finished."""
        found = {
            planned: read_finished(
                planned.path(self.options, self.study_folder), planned.experiment(self.options)
            )
            for planned in self.planned
        }
        return {planned: study for planned, study in found.items() if study}

    def check(self) -> None:
        """Refuse what does not exist before anything is run: InputError."""
        device_of(self.options.device)
        if not self.planned:
            raise InputError("there is nothing to run: every number of images is 0")
        for planned in self.planned:
            load("strategies", planned.strategy or "de")
            oracle_plugin(planned.network, self.options.device)
        for chosen in (planned.experiment(self.options) for planned in self.planned):
            load_images_by_size(chosen.images, chosen.resize)

    def run(self) -> Iterator[Event]:
        """Run what the studies lack, after ``check``; networks that cannot be loaded are left out."""
        self.study_folder.mkdir(parents=True, exist_ok=True)
        clean: dict[CleanSettings, CleanEvaluation] = {}
        for planned in self.planned:
            key = CleanSettings.of(planned.experiment(self.options))
            try:
                setup = load_network(planned, self.options, clean.get(key))
            except InputError as error:
                yield planned, str(error)
                continue
            clean[key] = setup.clean
            for progress in run_study(planned, self.options, self.study_folder, setup):
                yield planned, progress
