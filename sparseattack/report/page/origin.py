"""What is needed to repeat a study: its commands, settings after defaults, versions, hardware and digests."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sparseattack.errors import number_of
from sparseattack.report.export.robustness import command_of
from sparseattack.report.results import Results


class Fact(NamedTuple):
    """A name and what is to be known of it."""

    name: str
    text: str
    code: bool = False  # whether it is to be copied as it is


def commands(found: Results) -> list[str]:
    """The commands that ask the study's experiments again, in the order in which they were asked."""
    return list(dict.fromkeys(command_of(request.experiment) for request in found.requests))


def settings(found: Results) -> list[Fact]:
    """Every strategy with its settings after defaults, and the oracle with its own."""
    facts = {}
    for method in found.methods:
        spec = "" if method.name == method.strategy else f"{method.strategy}: "
        facts[method.name] = Fact(method.name, f"{spec}{_settings(method.settings)}")
    asked = found.requests[-1]
    oracle = Fact(asked.oracle, f"oracle {asked.experiment.oracle}: {_settings(asked.oracle_settings)}")
    return [*facts.values(), oracle]


def _settings(values: dict[str, object]) -> str:
    held = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in values.items()
    ]
    return ", ".join(held) or "no settings"


def origins(found: Results) -> Iterator[Fact]:
    """When, on what and with what runs were made, and digests of what they depend on."""
    dates = list(dict.fromkeys(request.created[:10] for request in found.requests))
    yield Fact("asked on", ", ".join(dates))
    environments = list(found.environments.values())
    for place, each in enumerate(environments, 1):
        number = f" {place}" if len(environments) > 1 else ""
        cores = "" if each.cores is None else f", {number_of(each.cores, 'core')}"
        yield Fact(f"machine{number}", f"{each.processor}{cores}, {each.system}; device {each.device}")
        yield Fact(
            f"versions{number}", ", ".join(f"{name} {version}" for name, version in each.versions.items())
        )
    yield Fact("digest of the oracle", found.question.oracle, code=True)
    for request in {request.images: request for request in found.requests}.values():
        yield Fact(f"digest of the images {request.experiment.images}", request.images, code=True)
    if found.backend:
        yield Fact("backend", found.backend.sentence)
    for k, choice in found.inference.items():
        used = "sparse inference" if choice.used else "dense inference"
        speed = f"; on a sample, sparse was {choice.speedup} times as fast as dense" if choice.speedup else ""
        yield Fact(f"inference, k = {k}", f"{used}{speed}")
    for sentence in found.uncharged:
        yield Fact("not charged", sentence)


def versions_of(several: Sequence[Results]) -> str:
    """The versions of sparseattack that made the runs."""
    known = [
        each.versions.get("sparseattack", "") for found in several for each in found.environments.values()
    ]
    return ", ".join(dict.fromkeys(filter(None, known)))
