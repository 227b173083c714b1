"""The clean evaluation: an oracle, images and its predictions on them, and how labels fit its classes."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import torch
from torch import Tensor

from sparseattack.data.images import UNKNOWN, ImageGroups, levels
from sparseattack.data.load import ImagesSpec, load_images_by_size
from sparseattack.errors import InputError, OracleError, number_of
from sparseattack.experiment.cases import class_number
from sparseattack.experiment.identity import ProbeScores, plain_settings
from sparseattack.experiment.preprocessing import preprocessed, preprocessing_of
from sparseattack.experiment.settings import Experiment
from sparseattack.plugins.registry import make, oracle_plugin
from sparseattack.plugins.spec import Plugin, oracle_spec
from sparseattack.problem.oracle import Classifier, device_of
from sparseattack.problem.purity import Purity, purity, require_same
from sparseattack.problem.scale import report_scale
from sparseattack.problem.verification import Predictions, by_chance, classify, repeats_of
from sparseattack.provenance import digest, digest_network, digest_source
from sparseattack.search.inference import AUTO, with_backend

PROBES = 4  # images, random or clean, that are evaluated so that another oracle is noticed
FEWEST, NEARLY_NONE = 5, 0.1  # images, and the share that is classified correctly: fewer are doubtful
SHOWN = 5  # names in a sentence


class CleanSettings(NamedTuple):
    """The settings of an experiment that a clean evaluation depends on."""

    oracle: str
    images: str
    resize: str
    native_size: bool
    device: str
    noisy_oracle: bool

    @classmethod
    def of(cls, experiment: Experiment) -> Self:
        """Those of an experiment."""
        return cls(*(getattr(experiment, name) for name in cls._fields))


@dataclass(frozen=True)
class CleanEvaluation:
    """An oracle, and its predictions on the clean images; experiments of the same settings can share it."""

    settings: CleanSettings
    plugin: Plugin  # that made the oracle
    oracle: Classifier
    images: ImageGroups  # N, with their own labels
    stacks: tuple[Tensor, ...]  # (n, C, H, W) of each group, on the experiment's device
    predictions: Predictions  # of the N images
    purity: Purity  # of the oracle
    evaluations: int  # of the images
    probed: int  # evaluations of random images
    probes: ProbeScores
    classes: tuple[str, ...]  # K names, some empty
    notes: tuple[str, ...] = ()  # sentences about what the oracle does to an image before the network sees it

    @cached_property
    def floats(self) -> tuple[Tensor, ...]:
        """N images ``(C, H, W)``, parts of the stacks."""
        return tuple(image for stack in self.stacks for image in stack)

    @property
    def checks(self) -> int:
        """Evaluations that check the oracle: of its purity, and of random images."""
        return self.purity.evaluations + self.probed

    @property
    def again(self) -> int:
        """Images that are evaluated once more after the attacks: their scores must be the same."""
        most = PROBES if self.oracle.remote else min(PROBES, len(self.stacks[0]))
        return 0 if self.settings.noisy_oracle else most

    @contextmanager
    def staying_the_same(self, runs: Collection[str]) -> Iterator[None]:
        """At the end of it, that by an error too, evaluate a few clean images again if there are ``runs``.

        Raises ChangedError, with these, where scores are others. A server is asked where there is no error.
        """
        failed = True
        try:
            yield
            failed = False
        finally:
            remote, due = self.oracle.remote, runs and self.again
            if due and not remote:
                images, before = self.stacks[0][: self.again], self.predictions.scores
                require_same(self.oracle, images, before, frozenset(runs))
            elif due and remote and not failed:
                remote.check()

    @property
    def digest(self) -> str:
        """Digest of the oracle: its own, or of its layers, or else of its exact scores of probe images.

        Its code belongs to it, which may be evaluated on other processors: these round scores differently.
        Where none of that is known, as of a noisy function, only its settings distinguish it from others.
        """
        module = self.oracle.module
        known = self.oracle.digest or (digest_network(module) if module is not None else "")
        shown = known or [*self.probes.scores] or plain_settings(self.plugin)
        return digest([shown, digest_source(self.plugin)])

    def on_probes_of(self, probes: ProbeScores) -> Self:
        """The same with scores of random images of the shape that another's ``probes`` have."""
        if probes.shape in ((), self.probes.shape):
            return self
        found, count = _probe(self.oracle, probes.shape, self.stacks[0].device)
        return replace(self, probes=found, probed=self.probed + count)

    @property
    def correct(self) -> int | None:
        """How many images are classified as their own labels say; None where one has no known label."""
        with suppress(InputError):  # a label's name that is no class of the oracle's
            labels = self.own_labels().labels
            if not (labels == UNKNOWN).any():
                return int((labels == self.predictions.classes_given(labels)).sum())
        return None

    def own_labels(self) -> ImageGroups:
        """The images with their own labels, numbered as the oracle's classes where both have names.

        Raises InputError for a name that is none of the oracle's classes, and where alphabetical order cannot
        be that of the oracle's classes because there are more or fewer of these.
        """
        images, names, count = self.images, self.oracle.classes, len(self.classes)
        if images.sorted_classes and not names and len(images.classes) != count:
            raise InputError(
                f"the images are of {len(images.classes)} classes by name ({_some(images.classes)}), but"
                f" {self.oracle} has {count} classes without names: give it the setting classes=[...], their"
                " names in the order of its scores"
            )
        try:
            return images.with_classes(names)
        except InputError as error:
            raise InputError(
                f"{error}: name the folders or labels so, or take the oracle's predictions as the true"
                " classes (--true-class prediction)"
            ) from error

    @property
    def doubt(self) -> tuple[str, ...]:
        """A sentence where nearly all images are misclassified, about what that may come from; else none."""
        with suppress(InputError):
            labels, predicted = self.own_labels().labels, self.predictions.classes
            known = labels != UNKNOWN
            count, right = int(known.sum()), int((labels == predicted)[known].sum())
            if count >= FEWEST and (
                right <= NEARLY_NONE * count or by_chance(right, count, len(self.classes))
            ):
                fits = {shift: int((labels + shift == predicted)[known].sum()) for shift in (-1, 1)}
                shift = max(fits, key=lambda one: fits[one])
                return (_reasons(right, count, shift, fits[shift]),)
        return ()


def evaluate_clean(experiment: Experiment) -> CleanEvaluation:
    """Load an experiment's oracle and images, and evaluate the images; this costs no query.

    Raises InputError for an oracle that is no function of the image alone, unless it may be noisy, and for a
    backend that it has not.
    """
    device_of(experiment.device)
    spec = oracle_spec(experiment.oracle)
    plugin = oracle_plugin(spec, experiment.device)
    oracle = Classifier.of(make(plugin, f"oracle {spec}"), spec.name)
    images = load_images_by_size(experiment.images, experiment.resize)
    oracle, notes = _for_images(oracle, images, experiment)
    stacks = tuple(group.floats().to(experiment.device) for group in images.groups)
    times = repeats_of(experiment.noisy_oracle)
    try:
        found = purity(oracle, stacks[0])
        if not experiment.noisy_oracle:
            found.require(oracle)
        predictions = _classified(oracle, stacks, times)
    except OracleError as error:
        if len(stacks) == 1:
            raise
        sizes = " and ".join("x".join(map(str, stack.shape[2:])) for stack in stacks[:2])
        raise InputError(
            f"{experiment.images} has images of several sizes, {sizes} among them, and not all can be shown"
            f" to {oracle}: give a size, as in {ImagesSpec.parse(experiment.images).where}@224 ({error})"
        ) from error
    report_scale(str(oracle), oracle.scale, predictions.scores)
    oracle = oracle.with_scale(predictions.scale)
    if experiment.backend != AUTO:
        with_backend(oracle, experiment.backend, stacks[0])
    classes = _class_names(oracle, images, predictions.scores.shape[1])
    count = times * len(images) + predictions.singles
    probes, probed = ProbeScores((), ()), 0
    if not experiment.noisy_oracle:
        probes, probed = _probe(oracle, tuple(stacks[0].shape[1:]), stacks[0].device)
    return CleanEvaluation(
        CleanSettings.of(experiment), plugin, oracle, images, stacks,
        predictions, found, count, probed, probes, classes, notes,
    )  # fmt: skip


def labelled(
    clean: CleanEvaluation, experiment: Experiment, label: str | None, unlabelled: bool
) -> ImageGroups:
    """The images with their true classes, numbered as the oracle's."""
    if label is None and experiment.true_class == "label":
        return _own_labels(clean, unlabelled)
    labels = clean.predictions.classes
    if label is not None:
        labels = torch.full_like(labels, class_number(label, clean.classes))
    return clean.images.with_labels(labels, clean.classes)


def _own_labels(clean: CleanEvaluation, unlabelled: bool) -> ImageGroups:
    """The images with their own labels, or predictions where ``unlabelled`` ones may be."""
    images = clean.own_labels()
    unknown = images.labels == UNKNOWN
    if unlabelled:
        labels = torch.where(unknown, clean.predictions.classes, images.labels)
        images = images.with_labels(labels, images.classes)
    elif unknown.any():
        first = images.ids[int(unknown.nonzero()[0])]
        notes = "".join(f"; {note}" for note in images.notes)  # one may say where the labels are
        raise InputError(
            f"image {first} has no label (-1 and an empty one count as none): give {_ways(clean)}, or take"
            f" the oracle's predictions as the true classes (--true-class prediction){notes}"
        )
    count, highest = len(clean.classes), int(images.labels.max())
    if highest >= count:
        worst, who = images.ids[int(images.labels.argmax())], clean.oracle
        raise InputError(
            f"{who} has {count} classes, but image {worst} has label {highest}: number labels and folders"
            " from 0, or take the oracle's predictions as the true classes (--true-class prediction)"
        )
    return images


def _ways(clean: CleanEvaluation) -> str:
    """How the images that were loaded are given labels."""
    if ImagesSpec.parse(clean.settings.images).where.endswith(".npz"):
        return "each image one in an array labels (or y), of as many entries as there are images"
    return "sub-folders the names of classes, or a CSV of columns file and label"


def _for_images(
    oracle: Classifier, images: ImageGroups, experiment: Experiment
) -> tuple[Classifier, tuple[str, ...]]:
    """The oracle, with its preprocessing if images keep their native size, and a note about that."""
    if not experiment.native_size:
        _check_channels(images, experiment.images)
        return oracle, ()
    preparation = preprocessing_of(oracle, experiment.resize)
    return preprocessed(oracle, preparation), preparation.notes(str(oracle))


def _check_channels(images: ImageGroups, where: str) -> None:
    """Refuse images that differ in channels, which few oracles take, with the first of each number."""
    first = {group.pixels.shape[1]: group.ids[0] for group in reversed(images.groups)}
    if len(first) > 1:
        found = ", ".join(f"{id} has {channels}" for channels, id in list(first.items())[::-1])
        raise InputError(
            f"pictures of {where} differ in channels: {found}; make all RGB, or with --native-size let the"
            " oracle convert them"
        )


def _probe(oracle: Classifier, shape: tuple[int, ...], device: torch.device) -> tuple[ProbeScores, int]:
    """Scores of random images of a ``shape`` C, H, W, and how many evaluations that took."""
    generator = torch.Generator().manual_seed(0)
    random = torch.randint(256, (PROBES, *shape), generator=generator, dtype=torch.uint8)
    with suppress(OracleError, InputError):  # noise may be too much for it, and no candidate is
        drawn = classify(oracle, levels(random).to(device))
        found = drawn.scores.double().nan_to_num()
        return ProbeScores(shape, tuple(map(tuple, found.tolist()))), PROBES + drawn.singles
    return ProbeScores(shape, ()), PROBES


def _classified(oracle: Classifier, stacks: Sequence[Tensor], times: int) -> Predictions:
    """Predictions of the images of all stacks, one after another."""
    first, *others = [classify(oracle, stack, times) for stack in stacks]
    if any(other.scale != first.scale or other.scores.shape[1] != first.scores.shape[1] for other in others):
        raise OracleError(f"{oracle} gives scores of another kind to images of another size")
    parts = (first, *others)
    scores, classes, confidences = (torch.cat(column) for column in list(zip(*parts, strict=True))[:3])
    singles = sum(part.singles for part in parts)
    return Predictions(scores, classes, confidences, first.scale, singles)


def _class_names(oracle: Classifier, images: ImageGroups, count: int) -> tuple[str, ...]:
    """A name for each of ``count`` classes: the oracle's own, or the images', or else an empty one."""
    if oracle.classes and len(oracle.classes) != count:
        raise InputError(
            f"{oracle} gives scores of {count} classes, but classes= names {len(oracle.classes)}:"
            f" {_some(oracle.classes)}"
        )
    return oracle.classes or (images.classes if len(images.classes) == count else ("",) * count)


def _reasons(right: int, count: int, shift: int, fits: int) -> str:
    """Why only ``right`` of ``count`` images are classified as their labels, and ``fits`` as shifted ones."""
    start = f"without an attack the oracle gives only {right} of {number_of(count, 'image')} their own label"
    if fits > count / 2:
        moved = "less 1" if shift < 0 else "plus 1"
        return (
            f"{start}, but {fits} of them their label {moved}: labels and classes may count from 0 and from 1"
        )
    return (
        f"{start}: the labels may be numbered in another order than its classes (setting classes=[...]), the"
        " colours may be scaled or ordered otherwise than in its training (mean=, std=), or it is not trained"
    )


def _some(names: Sequence[str]) -> str:
    """The first few of many names."""
    return f"{', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}"
