"""Digests and versions: what a result depends on, and where it was made."""

import json
import os
import platform
from collections.abc import Callable, Iterable
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

import torch
from torch import Tensor

from sparseattack import __version__
from sparseattack.requirements import imports
from sparseattack.sources import code, plain


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
    """Of this package and of every package that the plugins' modules import."""
    homes = packages_distributions()
    roots = {"torch", "numpy"}.union(*(imports(plain(plugin).__module__) for plugin in plugins))
    names = {name for root in roots for name in homes.get(root, ())} - {"sparseattack"}
    known = {"sparseattack": __version__, "python": platform.python_version()}
    for name in sorted(names):
        try:
            known[name] = version(name)
        except PackageNotFoundError:  # pragma: no cover - listed, yet without metadata
            known[name] = "unknown"
    return known


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
