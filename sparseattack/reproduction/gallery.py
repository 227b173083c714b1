"""Attacked images with what the network says before and after, the changed pixels ringed."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from sparseattack.data.images import Images
from sparseattack.data.load import load_images
from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.study.record import Record

from .figures import panels
from .finding import Finding

SHOWN, COLUMNS = 12, 4
RINGS = ((13, "black"), (11, "white"))  # diameters in points, seen on any ground


def gallery(finding: Finding, title: str) -> Figure | None:
    """The first successes; None where there is none, or the images are not there."""
    try:
        images = load_images(finding.experiment["images"])
    except InputError:
        return None
    known = [record for record in finding.records if record.success and _is(images, record)][:SHOWN]
    if not known:
        return None
    figure, axes = panels(len(known), (2.5, 2.75), COLUMNS)
    figure.suptitle(title)
    for each, record in zip(axes, known, strict=True):
        _draw(each, images, record, finding.classes)
    return figure


def _is(images: Images, record: Record) -> bool:
    """Whether the image of a run is in its place."""
    return record.image < len(images) and images.ids[record.image] == record.image_id


def _draw(axes: Axes, images: Images, record: Record, classes: Sequence[str]) -> None:
    image = images[record.image : record.image + 1].floats()
    axes.imshow(_painted(image, record).permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=1)
    width = image.shape[3]
    for position in set(record.positions):
        for size, colour in RINGS:
            place = [position % width], [position // width]
            (ring,) = axes.plot(*place, "o", markersize=size, markerfacecolor="none", clip_on=False)
            ring.set_markeredgecolor(colour)
    before = _called(classes, record.before_class, record.before_confidence)
    after = _called(classes, record.after_class, record.after_confidence)
    axes.set_title(f"{before}\nnow {after}", fontsize=9)
    axes.set_axis_off()


def _painted(image: Tensor, record: Record) -> Tensor:
    """The image ``(C, H, W)`` of a success."""
    colours = torch.tensor([record.colours], dtype=torch.uint8)
    return Edits(torch.tensor([record.positions]), colours).paint(image)[0]


def _called(classes: Sequence[str], number: int, confidence: float) -> str:
    name = classes[number] if number < len(classes) and classes[number] else f"class {number}"
    return f"{name} {100 * confidence:.0f} %"
