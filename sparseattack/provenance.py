"""Digests and versions: what a result depends on, and where it was made."""

import json
import os
import platform
import re
from collections.abc import Callable, Iterable
from hashlib import blake2b
from importlib.metadata import packages_distributions, requires, version
from typing import Any

import torch
from torch import Tensor

from sparseattack import __version__
from sparseattack.plugins.requirements import imports
from sparseattack.sources import code

ARITHMETIC = ("cma", "scipy", "scikit-learn")  # other packages' results depend on these


def digest(thing: object) -> str:
    """Of anything that JSON can write: 32 hexadecimal digits."""
    text = json.dumps(thing, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def digest_image(image: Tensor) -> str:
    """Of an image ``(C, H, W)`` uint8: 32 hexadecimal digits."""
    told = f"{tuple(image.shape)} ".encode() + image.cpu().numpy().tobytes()
    return blake2b(told, digest_size=16).hexdigest()


def digest_source(plugin: Callable[..., Any]) -> str:
    """Of the code behind a plugin: 32 hexadecimal digits."""
    return digest(code(plugin))


def versions(plugins: Iterable[Callable[..., Any]]) -> dict[str, str]:
    """Of this package, of all that the plugins' code imports, and of the arithmetic beneath that."""
    homes = packages_distributions()
    texts = {text for plugin in plugins for name, text in code(plugin).items() if name}
    roots = {"torch", "numpy"}.union(*map(imports, texts))
    names = {name for root in roots for name in homes.get(root, ())} - {"sparseattack"}
    names |= {below for name in names for below in _needed(name) if below in ARITHMETIC}
    known = {"sparseattack": __version__, "python": platform.python_version()}
    return known | {name: version(name) for name in sorted(names)}


def _needed(name: str) -> set[str]:
    """What a distribution needs, without its extras."""
    needs = [need for need in requires(name) or () if "extra ==" not in need]
    return {re.split(r"[^\w.-]", need, maxsplit=1)[0].lower() for need in needs}


def hardware(device: str) -> dict[str, object]:
    """Where a run is made: processor, cores, threads, accelerator."""
    gpu = torch.cuda.get_device_name(device) if device.startswith("cuda") else ""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": f"{device} {gpu}".strip(),
    }


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()
