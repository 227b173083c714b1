"""Entries of a leaderboard, one JSON object per condition: lists of several studies can be concatenated."""

import json
import shlex
from dataclasses import fields
from pathlib import Path

from sparseattack.experiment.mask import NONE
from sparseattack.experiment.settings import Experiment
from sparseattack.report.results import Results
from sparseattack.report.summary import Summary
from sparseattack.study.facts import Method, StudyRequest

LEVEL = 0.95  # of the interval


def write(found: Results, out: Path) -> None:
    """Write ``out``, a list of an object per condition that has all its runs."""
    entries = [_entry(found, line) for line in found.lines]
    out.write_text(
        json.dumps(entries, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def _entry(found: Results, line: Summary) -> dict[str, object]:
    """One condition: rates are shares of 1, ``restricted_mean`` is in queries."""
    method, asked = line.method, _asked(found, line)
    chosen = asked[-1].experiment
    versions = [each.versions.get("sparseattack", "") for each in found.environments.values()]
    return {
        "dataset": " and ".join(dict.fromkeys(each.experiment.images for each in asked)),
        "oracle": chosen.oracle,
        "oracle_digest": found.question.oracle,
        "threat_model": _threat(method, chosen),
        "encoding": method.encoding,
        "target": chosen.target,
        "fitness": method.fitness,
        "stop": chosen.stop,
        "strategy": method.strategy,
        "strategy_label": method.name,
        "settings": method.settings,
        "success": line.success,
        "ci": [line.low, line.high],
        "ci_level": LEVEL,
        "restricted_mean": line.mean_queries,
        "median": line.median_queries,
        "budget": method.budget,
        "n": line.images,
        "runs": line.runs,
        "left_out": found.subject.left_out,
        "version": " ".join(dict.fromkeys(versions)),
        "command": " && ".join(dict.fromkeys(command_of(each.experiment) for each in asked)),
        "experiments": [{"experiment": each.experiment.to_json()} for each in asked],
        "date": asked[-1].created,
    }


def _threat(method: Method, chosen: Experiment) -> str:
    """How many pixels, or coordinates, may change, and where if not anywhere."""
    masked = "" if chosen.mask == NONE else f", mask {chosen.mask}"
    return f"k={method.k}{' coordinates' * (method.counts == 'coordinates')}{masked}"


def _asked(found: Results, line: Summary) -> list[StudyRequest]:
    """The experiments of the study that a condition is part of."""
    same = line.method.key, line.method.budget
    return [
        request
        for request in found.requests
        if any((one.method.key, one.method.budget) == same for one in request.methods)
    ]


def command_of(experiment: Experiment) -> str:
    """The command that runs an experiment: every setting that is not the default as an option.

    Where a strategy has choices of its own, which no option can say, it reads ``experiments`` from a file.
    """
    if not all(isinstance(each, str) for each in experiment.strategies):
        return "sparseattack compare experiment.json"
    words = ["sparseattack", "compare"]
    for field in fields(Experiment):
        value = getattr(experiment, field.name)
        if value == field.default:
            continue
        option = field.name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
    return shlex.join(words)
