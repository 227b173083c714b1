"""A success kept as two pictures: the one that fools, and one that shows where it was changed."""

from collections.abc import Collection, Sequence
from pathlib import Path, PurePath

from PIL import Image
from torch import Tensor

from sparseattack.data.labelled import ADVERSARIAL, SIDE_BY_SIDE
from sparseattack.data.png import picture, read, write
from sparseattack.data.side_by_side import side_by_side
from sparseattack.errors import OracleError
from sparseattack.problem.oracle import title
from sparseattack.problem.verification import judge_alone
from sparseattack.study.prepared import Prepared
from sparseattack.study.record import Record


def stems(ids: Sequence[str]) -> list[str]:
    """File names of images, in sub-folders as their ids say, and all different."""
    inside = [PurePath(id).relative_to(PurePath(id).anchor) for id in ids]
    whole = ["/".join(part for part in path.parts if part != "..") for path in inside]
    known = Image.registered_extensions()
    short = [_short(name, known) for name in whole]
    numbered = [f"{place}-{name}" for place, name in enumerate(short)]
    return next(names for names in (short, whole, numbered) if len(set(names)) == len(names))


def _short(name: str, suffixes: Collection[str]) -> str:
    path = PurePath(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in suffixes else name


def keep(prepared: Prepared, record: Record, pair: tuple[Tensor, Tensor], stem: Path) -> tuple[Path, Path]:
    """Write ``stem.adversarial.png``, which fools when it is read back, and ``stem.side-by-side.png``.

    ``pair`` is the image before and after ``(C, H, W)``.
    """
    fooling, beside = Path(f"{stem}{ADVERSARIAL}"), Path(f"{stem}{SIDE_BY_SIDE}")
    write(picture(pair[1]), fooling)
    seen = judge_alone(prepared.oracle, read(fooling).to(pair[1].device), record.image)
    if int(seen.classes[0]) != record.after_class:
        fooling.unlink()
        raise OracleError(
            f"{title(prepared.oracle)} answers the same picture differently when it is asked again"
        )
    captions = (
        f"before: {caption(prepared.classes, record.before_class, record.before_confidence)}",
        f"after: {caption(prepared.classes, record.after_class, record.after_confidence)}",
    )
    write(side_by_side(*pair, captions), beside)
    return fooling, beside


def caption(classes: Sequence[str], number: int, confidence: float) -> str:
    """A class, and how sure the oracle is of it."""
    return f"{class_name(classes, number)} {100 * confidence:.1f} %"


def class_name(classes: Sequence[str], number: int) -> str:
    """A class by its name, or by its number where it has none."""
    return classes[number] or f"class {number}"
