"""Oracles by name or path."""

from collections.abc import Callable

from sparseattack.plugins import registry
from sparseattack.plugins.settings import settings
from sparseattack.plugins.shortcuts import oracle_spec
from sparseattack.problem.classifier import Classifier
from sparseattack.problem.oracle import Oracle, SparseOracle


def oracle_plugin(spec: str, device: str = "cpu") -> Callable[..., Oracle]:
    """What makes the oracle of a spec or a path, on ``device`` if it can choose, its settings bound."""
    read = oracle_spec(spec)
    plugin = registry.find("oracles", read.name)
    extra = {"device": device} if "device" in settings(plugin) and "device" not in read.settings else {}
    return registry.load("oracles", read, extra)


def named(oracle: Oracle, name: str) -> Oracle:
    """The oracle, called ``name`` unless it has a name of its own."""
    if getattr(oracle, "name", "") or isinstance(oracle, SparseOracle):
        return oracle
    told = {key: getattr(oracle, key) for key in ("scale", "batch", "classes") if hasattr(oracle, key)}
    return Classifier(name, oracle, getattr(oracle, "digest", ""), **told)
