"""An image classifier of Hugging Face's transformers, in a folder on this machine."""

import json
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import torch
import transformers as library
from torch import nn

from sparseattack import Classifier, InputError, Oracle
from sparseattack.errors import brief
from sparseattack.provenance import digest, digest_network

from ..backends.backend import backends_of
from ..dense_inference.forward import Forward, Normalise
from ..dense_inference.scores import choosing
from ..weights import required

MOST = 255
CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"


def huggingface(*, path: str, batch: int = 64, device: str = "cpu") -> Oracle:
    """A folder that transformers' save_pretrained wrote: an image classifier and its image processor.

    The processor's normalisation is read and applied; its size is that of the images that are attacked: they
    are resized before the attack (IMAGES@224), never between a change of a pixel and the network. Nothing is
    fetched from a network, and no code in the folder is run.

    path: the folder, with config.json, preprocessor_config.json and the weights
    batch: images per call at most
    device: cpu, cuda, cuda:1 or mps
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: save_pretrained writes one, of model and processor")
    steps = _read(folder / PROCESSOR)
    network = _network(folder)
    config = network.config
    forward = Forward(_normalised(steps, folder), choosing(network, "logits"), device)
    names = tuple(str(config.id2label[place]) for place in range(config.num_labels))
    shape = (int(getattr(config, "num_channels", 3)), *_size(steps))
    known = digest([digest_network(network), json.dumps(steps, sort_keys=True), library.__version__])
    block, others = forward.block(batch), backends_of(forward)
    return Classifier(
        folder.name, forward, known, "logits", batch, names, shape, block=block, backends=others
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        held = json.loads(required(file).read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is no JSON: {brief(error)}") from error
    return dict(held)


def _network(folder: Path) -> Any:
    """The classifier in a folder, in evaluation mode."""
    try:
        with catch_warnings(action="ignore"):  # about processors that are not used
            network: Any = library.AutoModelForImageClassification.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # OSError, ValueError and those of safetensors
        raise InputError(
            f"{folder} holds no image classifier that transformers can read: {brief(error)}"
        ) from error
    return network.to(torch.float32).eval()


def _normalised(steps: dict[str, Any], folder: Path) -> nn.Module:
    """What the processor does to colours after resizing, as a normalisation of those in [0, 1].

    It multiplies 8-bit colours by a factor, perhaps subtracts 1, and then normalises.
    """
    factor = float(steps.get("rescale_factor", 1 / MOST)) if steps.get("do_rescale", True) else 1.0
    offset = 1.0 if steps.get("rescale_offset") else 0.0
    mean, std = [0.0], [1.0]
    if steps.get("do_normalize", True):
        if not (steps.get("image_mean") and steps.get("image_std")):
            raise InputError(f"{folder / PROCESSOR} normalises, and has no image_mean and image_std")
        mean, std = ([*map(float, _listed(steps[name]))] for name in ("image_mean", "image_std"))
    width = factor * MOST  # of the range of colours before the normalisation
    if abs(width - 1) < 1 / MOST / MOST:
        width = 1.0  # 1/255 in few digits
    return Normalise(tuple((each + offset) / width for each in mean), tuple(each / width for each in std))


def _listed(value: Any) -> list[float]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _size(steps: dict[str, Any]) -> tuple[int | None, int | None]:
    """Height and width that the processor brings images to; None where it leaves them as they are."""
    cropped = steps.get("do_center_crop") and steps.get("crop_size")
    size = cropped or (steps.get("size") if steps.get("do_resize", True) else None)
    if isinstance(size, int):
        return size, size
    if not isinstance(size, dict):
        return None, None
    edge = size.get("shortest_edge")
    return size.get("height", edge), size.get("width", edge)
