"""A gallery of successes: the attacked images, changed pixels ringed, with the class before and after."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sparseattack.data.images import ImageGroups, levels
from sparseattack.data.load import load_images_by_size
from sparseattack.errors import InputError, number_of
from sparseattack.problem.edits import Edits
from sparseattack.report.figures.figure import ReportFigure
from sparseattack.report.figures.style import panels
from sparseattack.study.record import Record

from .studies import FinishedStudy, PlannedStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN, COLUMNS = 12, 4  # images
RINGS = ((13, "black"), (11, "white"))  # diameters in points; one of them is seen on any ground


def gallery_figure(planned: PlannedStudy, study: FinishedStudy) -> ReportFigure | None:
    """The first successes of a study; None without a success or without the images."""
    try:
        images = load_images_by_size(study.experiment.images, study.experiment.resize)
    except InputError:
        return None
    chosen = [record for record in study.records if record.success and _has(images, record)][:SHOWN]
    if not chosen:
        return None
    return ReportFigure(
        name=f"gallery-{planned.stem}",
        kind="gallery",
        title=planned.title,
        sentence=f"{number_of(len(chosen), 'image')} that fool {planned.network}.",
        caption="The first successes in the order of the runs; changed pixels are ringed.",
        columns=("image", "before", "before_confidence", "after", "after_confidence", "pixels"),
        rows=tuple(
            (
                one.image_id,
                one.before_class,
                one.before_confidence,
                one.after_class,
                one.after_confidence,
                one.pixels,
            )
            for one in chosen
        ),
        paint=lambda: gallery(images, chosen, study.request.classes, planned.title),
    )


def gallery(images: ImageGroups, chosen: Sequence[Record], classes: Sequence[str], title: str) -> "Figure":
    """The images of some successes under a title."""
    figure, axes = panels(len(chosen), (2.5, 2.75), COLUMNS)
    figure.suptitle(title)
    for each, record in zip(axes, chosen, strict=True):
        _success(each, images, record, classes)
    return figure


def _has(images: ImageGroups, record: Record) -> bool:
    """Whether the image of a run is still at its index."""
    return record.image < len(images) and images.ids[record.image] == record.image_id


def _success(axes: "Axes", images: ImageGroups, record: Record, classes: Sequence[str]) -> None:
    """The image of a success, and its class before and after."""
    image = levels(images.pixels[record.image])[None]
    axes.imshow(_painted(image, record).permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=1)
    width = image.shape[3]
    for position in set(record.positions):
        for size, colour in RINGS:
            place = [position % width], [position // width]
            (ring,) = axes.plot(*place, "o", markersize=size, markerfacecolor="none", clip_on=False)
            ring.set_markeredgecolor(colour)
    before = _prediction(classes, record.before_class, record.before_confidence)
    after = _prediction(classes, record.after_class, record.after_confidence)
    axes.set_title(f"{before}\nnow {after}", fontsize=9)
    axes.set_axis_off()


def _painted(image: Tensor, record: Record) -> Tensor:
    """The image ``(C, H, W)`` of a success."""
    colours = torch.tensor([record.colours], dtype=torch.uint8)
    return Edits(torch.tensor([record.positions]), colours).paint(image)[0]


def _prediction(classes: Sequence[str], number: int, confidence: float) -> str:
    name = classes[number] if number < len(classes) and classes[number] else f"class {number}"
    return f"{name} {100 * confidence:.0f} %"
