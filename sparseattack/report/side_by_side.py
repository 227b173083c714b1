"""Several studies side by side: their results under names that say which study each is of.

They may be about different questions, such as two oracles. Nothing is tested between them.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sparseattack.errors import InputError, listed
from sparseattack.report.results import Results
from sparseattack.report.summary import Pair
from sparseattack.report.tables import Section, changes, explanation, sections
from sparseattack.study.facts import Method


def study_names(paths: Sequence[Path]) -> list[str]:
    """The shortest names that differ: of files without their suffix, else whole paths.

    InputError where a file is named twice.
    """
    if twice := [path for path in paths if paths.count(path) > 1]:
        raise InputError(f"study {twice[0]} is named twice")
    short = [path.stem for path in paths]
    return short if len(set(short)) == len(short) else list(map(str, paths))


def of_study(name: str, found: Results) -> Results:
    """The same results; every method is called ``name: METHOD``."""

    def named(method: Method) -> Method:
        return replace(method, label=f"{name}: {method.name}")

    return replace(
        found,
        subject=replace(found.subject, methods=tuple(map(named, found.methods))),
        columns={named(method): runs for method, runs in found.columns.items()},
        planned={named(method): runs for method, runs in found.planned.items()},
        lines=[replace(line, method=named(line.method)) for line in found.lines],
        unfinished=[replace(line, method=named(line.method)) for line in found.unfinished],
        pairs=[_named_pair(pair, named(pair.first), named(pair.second)) for pair in found.pairs],
    )


def _named_pair(pair: Pair, first: Method, second: Method) -> Pair:
    return pair._replace(first=first, second=second)


def common_sections(several: Sequence[Results]) -> list[Section]:
    """One table of each kind with the methods of all studies, by k.

    The rate that met a stopping criterion is left out where studies have different ones.
    """
    lines = sorted((line for found in several for line in found.lines), key=lambda line: line.method.k)
    lacking = [line for found in several for line in found.unfinished]
    methods = tuple(method for found in several for method in found.methods)
    subject = replace(several[0].subject, methods=methods)
    if len({found.question.stop for found in several}) > 1:
        subject = replace(subject, question=replace(subject.question, stop="success"))
    if any(found.question.noisy_oracle for found in several):
        subject = replace(subject, question=replace(subject.question, noisy_oracle=True))
    return sections(subject, lines, lacking)


def common_explanation(several: Mapping[str, Results]) -> str:
    """What the headings of common tables mean, and whose numbers of pixels are of another kind."""
    methods = [method for found in several.values() for method in found.methods]
    text = " ".join(explanation(methods).split())
    fewest = [name for name, found in several.items() if found.question.stop == "fewest"]
    if not 0 < len(fewest) < len(several):
        return text
    return (
        f"{text} {changes(methods).capitalize()} of {listed(fewest)} are the fewest found, as searches go on"
        " with fewer after each success; those of the others are not, and do not compare with them."
    )


def common_csv(texts: Mapping[str, str]) -> str:
    """The CSV of several studies, by name, as one: column ``study`` first, then all that any of them has."""
    rows = [
        {"study": name, **row} for name, text in texts.items() for row in csv.DictReader(io.StringIO(text))
    ]
    headers = [next(csv.reader(io.StringIO(text))) for text in texts.values()]
    columns = dict.fromkeys(["study", *(column for header in headers for column in header)])
    joined = io.StringIO()
    writer = csv.DictWriter(joined, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return joined.getvalue()


def common_json(texts: Mapping[str, str]) -> str:
    """The JSON of several studies under their names, in ``studies``."""
    return json.dumps({"studies": {name: json.loads(text) for name, text in texts.items()}}, indent=2)
