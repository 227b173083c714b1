"""Oracles by name or path."""

from sparseattack import registry
from sparseattack.oracle import Oracle
from sparseattack.settings import settings
from sparseattack.shortcuts import oracle_spec


def load_oracle(spec: str, device: str = "cpu") -> Oracle:
    """The oracle of a spec or a path, on ``device`` if it can choose."""
    read = oracle_spec(spec)
    plugin = registry.find("oracles", read.name)
    extra = {"device": device} if "device" in settings(plugin) and "device" not in read.settings else {}
    oracle: Oracle = registry.load("oracles", read, extra)()
    return oracle
