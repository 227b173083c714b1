"""Oracles and devices by name."""

import torch

from sparseattack import registry
from sparseattack.errors import InputError
from sparseattack.oracle import Oracle
from sparseattack.settings import settings
from sparseattack.shortcuts import oracle_spec


def device_of(name: str) -> torch.device:
    """The device called ``name``, if it is here."""
    try:
        return torch.empty(1, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"there is no device {name!r} here: {str(error).splitlines()[0]}") from error


def load_oracle(spec: str, device: str = "cpu") -> Oracle:
    """The oracle of a spec or a path, on ``device`` if it can choose."""
    read = oracle_spec(spec)
    plugin = registry.find("oracles", read.name)
    extra = {"device": device} if "device" in settings(plugin) and "device" not in read.settings else {}
    oracle: Oracle = registry.load("oracles", read, extra)()
    return oracle
