"""The course of every run as IOHprofiler's files, which IOHanalyzer and iohinspector read.

A folder per strategy holds, for each function, a JSON file that lists runs and a .dat file of each dimension.
A function is oracle, encoding, fitness and target; its dimension is k, the pixels that may change; an
instance is an image, in targeted attacks an image and a target; more runs of an instance are those of other
seeds. The value is the first objective, which is minimised: with the margin, one below 0 is a success.

The format: de Nobel et al., IOHexperimenter, Evolutionary Computation 32(3), 2024.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from sparseattack.errors import InputError
from sparseattack.report.results import Results
from sparseattack.study.facts import Method
from sparseattack.study.record import Record

VERSION = "0.3.18"  # of the format
MOST_INSTANCES = 2**16 - 1  # readers hold their number in 16 bits
HEADER = ("evaluations", "raw_y")

Instance = tuple[int, int]  # image and target


class Algorithm(NamedTuple):
    """An algorithm, as the format has it."""

    name: str
    info: str  # the strategy's spec


class Function(NamedTuple):
    """What is minimised; its values are those of its fitness."""

    encoding: str
    fitness: str


def write(found: Results, out: Path) -> None:
    """Write the folder ``out``; runs that evaluated nothing are left out.

    ``instances.csv`` there says which image an instance is. Raises InputError where there are no runs, and
    where there are more instances than the format can number.
    """
    if found.question.stop == "fewest":
        raise InputError(
            "runs with --stop fewest hold the fewest pixels over queries, and no course of the fitness: there"
            " is nothing for IOHprofiler; --to csv has all of them"
        )
    records = sorted((each for each in found.records if each.trace), key=_order)
    if not records:
        raise InputError("no run has evaluated anything: there is nothing for IOHprofiler")
    cases = sorted({_instance(record) for record in records})
    if len(cases) > MOST_INSTANCES:
        raise InputError(
            f"IOHprofiler numbers at most {MOST_INSTANCES:,} instances; these are {len(cases):,} images and"
            " targets"
        )
    instances = {case: number for number, case in enumerate(cases, 1)}
    out.mkdir()
    _write_instances(out / "instances.csv", records, instances)
    runs_of: dict[tuple[Algorithm, Function], list[Record]] = {}
    for record in records:
        method = found.method_of(record)
        key = (
            Algorithm(_name(found.methods, method), method.strategy),
            Function(method.encoding, method.fitness),
        )
        runs_of.setdefault(key, []).append(record)
    algorithms = list(dict.fromkeys(algorithm for algorithm, _ in runs_of))
    functions = sorted({function for _, function in runs_of})
    oracle, target = found.experiment.oracle, found.experiment.target
    for (algorithm, function), runs in runs_of.items():
        folder = out / f"{1 + algorithms.index(algorithm)}-{plain(algorithm.name)}"
        described = {
            "version": VERSION,
            "suite": "sparseattack",
            "function_id": 1 + functions.index(function),
            "function_name": plain(f"{oracle}-{function.encoding}-{function.fitness}-target-{target}"),
            "maximization": False,
            "algorithm": algorithm._asdict(),
            "attributes": list(HEADER),
        }
        _write_function(folder, described, runs, instances)


def _name(methods: Sequence[Method], method: Method) -> str:
    """The name of a method's strategy, with the budget where the same is there with another one."""
    same = [one for one in methods if replace(one, key="", budget=0) == replace(method, key="", budget=0)]
    return f"{method.name}, budget {method.budget}" if len(same) > 1 else method.name


def plain(text: str) -> str:
    """A name that every file system takes: letters, digits, dots and hyphens."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60] or "x"


def _order(record: Record) -> tuple[str, str, int, int, int, int]:
    return record.strategy, record.encoding, record.k, *_instance(record), record.seed


def _instance(record: Record) -> Instance:
    return record.image, record.target


def _write_instances(path: Path, records: Sequence[Record], numbers: Mapping[Instance, int]) -> None:
    ids = {_instance(record): (record.image_id, record.label) for record in records}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["instance", "image", "image_id", "label", "target"])
        for (image, target), number in numbers.items():
            image_id, label = ids[image, target]
            writer.writerow([number, image, image_id, label, target])


def _write_function(
    folder: Path, described: dict[str, object], runs: Sequence[Record], numbers: Mapping[Instance, int]
) -> None:
    """Write the JSON file of one function, and a .dat file for each k."""
    name = f"f{described['function_id']}_{described['function_name']}"
    data = folder / f"data_{name}"
    data.mkdir(parents=True)
    scenarios = []
    for k, some in groupby(runs, key=lambda record: record.k):
        records = list(some)
        path = data / f"IOHprofiler_{name}_DIM{k}.dat"
        with path.open("w", encoding="utf-8") as file:
            for record in records:
                file.writelines(f"{line}\n" for line in _lines(record))
        listed = [_listed(record, numbers[_instance(record)]) for record in records]
        scenarios.append({"dimension": k, "path": str(path.relative_to(folder)), "runs": listed})
    text = json.dumps({**described, "scenarios": scenarios}, indent=1)
    (folder / f"IOHprofiler_{name}.json").write_text(text, encoding="utf-8")


def _lines(record: Record) -> Iterator[str]:
    """The header of a run, its improvements, and its last evaluation with the best value so far.

    Readers find where a run begins by its evaluation 1: it is written even without a value.
    """
    yield " ".join(HEADER)
    if record.trace[0][0] != 1:
        yield "1 inf"
    for query, value in record.trace:
        yield f"{int(query)} {value!r}"
    if record.trace[-1][0] < record.queries:
        yield f"{record.queries} {record.trace[-1][1]!r}"


def _listed(record: Record, instance: int) -> dict[str, object]:
    """A run as the JSON file has it; its best candidate's genes are not stored."""
    query, value = record.trace[-1]
    return {"instance": instance, "evals": record.queries, "best": {"evals": int(query), "y": value, "x": []}}
