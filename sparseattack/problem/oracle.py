"""Oracles: any callable that gives images scores, and ``Classifier``, an oracle with typed facts.

The author of an oracle returns a ``Classifier``, or a function with some of its fields as attributes. The
rest of the project sees the ``Classifier`` that ``Classifier.of`` makes of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from threading import Lock
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sparseattack.errors import InputError, OracleError, brief
from sparseattack.problem.edits import Edits
from sparseattack.problem.scale import SETTINGS, Scale, ScaleSetting, columns

Shape = tuple[int | None, int | None, int | None]  # C, H, W of an image; None is any

Block = int | Callable[[Tensor], int]
"""A call has a multiple of so many images; or a function of the images ``(N, C, H, W)`` that says so."""

Backend = Callable[[Tensor], tuple[Callable[[Tensor], Tensor], Block]]
"""Clean images ``(N, C, H, W)`` -> scores of such images by another library, and its block. InputError."""
EAGER = "eager"  # the backend that an oracle itself is
BATCH = 256  # images in one call of an oracle that sets no limit
CPU_ROUNDING, ACCELERATOR_ROUNDING = 1e-4, 2e-3  # of the greatest score
MODES = {1: "grey", 3: "RGB", 4: "RGBA"}  # names of pictures by their number of channels


class Oracle(Protocol):
    """The classifier that is attacked: any function of a batch of images that returns a score for each class.

    Images are ``(n, C, H, W)`` float32 in [0, 1], scores ``(n, K)`` floats on the same device.

    It may have attributes: ``name``; ``scale``, "logits" or "probabilities", else that is recognised, or
    "binary" where an image has one score, the logit of class 1 of 2, "labels" where it has a label, ``(n,)``
    int64 with ``classes``, or a row of 0 and 1; ``batch``, the most images in one call; ``classes``, K names;
    ``digest``, hexadecimal, of all that determines its scores; ``answer_edits``, see SparseOracle; ``exact``,
    an oracle of the same classes in full precision, which evaluates clean images and successes where its own
    scores are rounded; ``block``, if its calls are to be padded to multiples of so many images, or a function
    of the clean images that says so; ``rounding``, the share of an image's greatest score by which scores may
    depend on the other images of a call: 0 if never; ``notes``, a function that returns sentences about how
    it is evaluated, for whoever reads its results.

    A ``torch.nn.Module`` is evaluated in evaluation mode, and its mode is restored. Oracles run one thread at
    a time: one that starts a thread and waits for it must not evaluate through this package there.
    """

    def __call__(self, images: Tensor, /) -> Tensor: ...


class SparseOracle(Protocol):
    """An oracle that also takes edits of clean images, and computes only what the changed pixels change."""

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
        """Scores ``(n, K)`` of edits of the clean ``images (N, C, H, W)`` at index ``rows (n,)``.

        There are at most ``batch`` edits, or 256 where that is more. None, for all edits of as many pixels in
        images of this size, where whole images are better.
        """


class Remote(Protocol):
    """What an oracle offers beside scores that sends images to a server, and keeps every answer."""

    @property
    def lossless(self) -> bool:
        """Whether the server is sent the very colours of an image: not so of JPEG."""

    def ask_again(self, images: Tensor, /) -> Tensor:
        """Scores ``(n, K)`` as an oracle's, of images that are sent again though their answers are known."""

    def buying_for(self, runs: Sequence[str], verifying: bool = False) -> AbstractContextManager[None]:
        """Within it the next images that are evaluated are for these ``runs``, in order."""

    def bought_for(self, run: str) -> tuple[int, int]:
        """Of what was evaluated for a run since this was asked: queries that were ever sent, and images.

        Each time counts, and verifications. What was sent for it before is among them, not for other runs.
        """

    def check(self) -> None:
        """Ask a few images again if others were sent since: ChangedError if their scores are others."""

    def statement(self) -> str:
        """How much was sent so far, in a sentence."""


@dataclass(frozen=True)
class Classifier:
    """A classifier with its name, digest, batch size and classes as typed fields: what oracles return.

    ``scores`` takes images ``(n, C, H, W)`` float32 in [0, 1] and returns ``(n, K)``, logits or probabilities
    as ``scale`` says. ``Classifier.of`` makes one of any oracle. Raises OracleError for wrong fields.
    """

    name: str
    scores: Callable[[Tensor], Tensor]
    digest: str  # of everything that determines its scores, hexadecimal; empty if unknown
    scale: ScaleSetting = "auto"  # by default recognised by the scores
    batch: int = BATCH  # most images in one call
    classes: tuple[str, ...] = ()  # K names, or none
    shape: Shape = (None, None, None)  # of the images it takes
    answer_edits: Callable[[Tensor, Tensor, Edits], Tensor | None] | None = None  # as SparseOracle's
    exact: "Classifier | None" = None  # evaluates clean images and successes, where these scores are rounded
    block: Block = 1  # a call has a multiple of so many images; what is missing is padded
    rounding: float | None = None  # share of the greatest score by which other images may change scores
    remote: Remote | None = None  # where images are sent to a server
    notes: Callable[[], tuple[str, ...]] = tuple  # how it is evaluated, in sentences, after the first call
    backends: Mapping[str, Backend] = field(default_factory=dict)  # other libraries for its scores, by name
    backend: str = EAGER  # that computes ``scores``

    def __post_init__(self) -> None:
        """Refuse facts of another type, a scale that does not exist, and numbers that are none."""
        for fact, (holds, wanted) in FACTS.items():
            if not holds(found := getattr(self, fact)):
                raise OracleError(f"{self} has {fact} {found!r}, not {wanted}")

    @classmethod
    def of(cls, oracle: Oracle, name: str = "") -> "Classifier":
        """Any oracle as a classifier; one without a name is called ``name``, or as its function or class.

        The only place that reads the optional attributes of an oracle.
        """
        if isinstance(oracle, cls):
            return oracle

        def fact(attribute: str, default: Any) -> Any:
            found = getattr(oracle, attribute, default)
            own = isinstance(oracle, nn.Module) and not _may_be_fact(attribute, found)
            return default if own else found  # a layer, or a number, of that name is no fact

        exact, names = fact("exact", None), fact("classes", ())
        return cls(
            fact("name", "") or name or getattr(oracle, "__name__", type(oracle).__name__),
            oracle,
            digest=fact("digest", ""),
            scale=fact("scale", "auto"),
            batch=fact("batch", BATCH),
            classes=tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else names,
            answer_edits=fact("answer_edits", None),
            exact=exact and cls.of(exact),
            block=fact("block", 1),
            rounding=fact("rounding", None),
            remote=fact("remote", None),
            notes=fact("notes", tuple),
        )

    def rounding_on(self, device: torch.device) -> float:
        """The share of an image's greatest score by which other images of a call may change its scores.

        Unless the oracle states it: float32 on a CPU, TF32 on an accelerator.
        """
        if self.rounding is not None:
            return self.rounding
        return CPU_ROUNDING if device.type == "cpu" else ACCELERATOR_ROUNDING

    def block_of(self, images: Tensor) -> int:
        """A call has a multiple of so many images, where they are like ``images (N, C, H, W)``."""
        return self.block(images) if callable(self.block) else self.block

    @property
    def module(self) -> nn.Module | None:
        """The torch network that gives the scores, where it is known: itself, or the owner of a method."""
        owner = getattr(self.scores, "__self__", self.scores)
        return owner if isinstance(owner, nn.Module) else None

    def __str__(self) -> str:
        """Its name in a sentence."""
        return f"oracle {self.name}"

    def __call__(self, images: Tensor) -> Tensor:
        """Scores ``(n, K)`` of images; images of another shape are refused with an InputError."""
        if any(takes not in (None, has) for takes, has in zip(self.shape, images.shape[1:], strict=True)):
            found = f"{_size_of(images.shape[1:])}{_advice(self.shape, images.shape[1:])}"
            raise InputError(f"{self} takes images of {_size_of(self.shape)}, not {found}")
        return columns(self.scores(images), self.scale, self.classes)

    @property
    def anew(self) -> "Classifier":
        """The same, which does not take answers that are known already for evaluations of their own."""
        return replace(self, scores=self.remote.ask_again) if self.remote else self

    def buying_for(self, runs: Sequence[str], verifying: bool = False) -> AbstractContextManager[None]:
        """As its ``remote``'s; nothing where no image is sent, or no run is named."""
        return self.remote.buying_for(runs, verifying) if self.remote and any(runs) else nullcontext()

    def with_scale(self, scale: Scale) -> "Classifier":
        """The same with the scale that its scores were recognised to have, where it declares none."""
        if self.scale != "auto":
            return self
        return replace(self, scale=scale, exact=self.exact and self.exact.with_scale(scale))


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _is_share(value: object) -> bool:
    return value is None or (
        isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < 1
    )


def _are_names(value: object) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(name, str) for name in value)


FACTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (lambda value: isinstance(value, str), "a text"),
    "scores": (callable, "a function of images"),
    "digest": (lambda value: isinstance(value, str), "a text"),
    "scale": (lambda value: isinstance(value, str) and value in SETTINGS, f"one of {', '.join(SETTINGS)}"),
    "batch": (_is_count, "a number of images from 1"),
    "classes": (_are_names, "the names of the classes, a text each"),
    "answer_edits": (lambda value: value is None or callable(value), "a function"),
    "exact": (lambda value: value is None or isinstance(value, Classifier), "an oracle"),
    "block": (lambda value: callable(value) or _is_count(value), "a number of images from 1"),
    "rounding": (_is_share, "a share of the greatest score"),
    "remote": (
        lambda value: value is None or hasattr(value, "ask_again"),
        "what has ask_again, buying_for, bought_for, statement",
    ),
    "notes": (callable, "a function that returns sentences"),
}
TYPES = {"name": str, "digest": str, "scale": str, "batch": Integral, "block": Integral, "rounding": Real}


def _may_be_fact(attribute: str, value: object) -> bool:
    """Whether a network's attribute has the type of the fact of that name: else it is one of its own."""
    if attribute == "classes":
        return _are_names(value)
    if attribute in TYPES:
        return isinstance(value, TYPES[attribute]) and not isinstance(value, bool)
    return callable(value) and not isinstance(value, nn.Module)


@dataclass
class Mode:
    """The mode of every part of a network, to be restored after the last of its users."""

    users: int
    training: dict[nn.Module, bool]


IN_USE: dict[nn.Module, Mode] = {}  # networks, perhaps by several threads
IN_USE_LOCK = Lock()


@contextmanager
def evaluation_mode(classifier: Classifier) -> Iterator[None]:
    """Put a torch network in evaluation mode, and restore its mode afterwards; nothing for other oracles."""
    module = classifier.module
    if module is None:
        yield
        return
    with IN_USE_LOCK:
        mode = IN_USE.setdefault(module, Mode(0, {}))
        mode.users += 1
        if mode.users == 1 and any(part.training for part in module.modules()):
            mode.training = {part: part.training for part in module.modules()}
            module.eval()
    try:
        yield
    finally:
        with IN_USE_LOCK:
            mode.users -= 1
            if not mode.users:
                del IN_USE[module]
                _restore(module, mode.training)


def _restore(module: nn.Module, training: Mapping[nn.Module, bool]) -> None:
    """Restore the mode of a network, and then of each of its parts."""
    if training.get(module):
        module.train()
    for part, mode in training.items():
        part.training = mode


def _size_of(shape: Iterable[int | None]) -> str:
    """Channels, height, width, as in 3x32x32."""
    return "x".join("any" if side is None else str(side) for side in shape)


def _advice(takes: Shape, has: Sequence[int]) -> str:
    """How a user makes images fit, where that is known."""
    (channels, *size), steps = takes, []
    if channels in MODES and channels != has[0]:
        steps.append(f"convert them to {MODES[channels]}{_conversion(channels, has[0])}")
    if None not in size and size != list(has[1:]):
        known = f", as IMAGES@{size[0]} does" if size[0] == size[1] else ""
        steps.append(f"resize them to {_size_of(size)}{known}")
    return f": {' and '.join(steps)}" if steps else ""


def _conversion(takes: int, has: int) -> str:
    """What images with ``has`` channels are, and the Python that gives them ``takes``."""
    kinds = {1: "they are grey", 4: "they have transparency"}
    mode = "L" if takes == 1 else MODES[takes]
    picture = f"PIL.Image.open(FILE).convert({mode!r}).save(NEW)"
    array = ", of an array (N, H, W) numpy.repeat(images[..., None], 3, -1)" if (has, takes) == (1, 3) else ""
    return f" ({kinds[has]}; of a picture {picture}{array})" if has in kinds else ""


def device_of(name: str) -> torch.device:
    """The device called ``name``: cpu, cuda, cuda:1, mps; refused where it is not."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except Exception as error:  # torch says it in a different way for every device
        known = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        known += ["mps"] if torch.backends.mps.is_available() else []
        reason = f": {brief(error)}" if name in (*known, "cuda") and len(known) > 1 else ""
        raise InputError(f"there is no device {name!r} here, only {', '.join(known)}{reason}") from error
    return device
