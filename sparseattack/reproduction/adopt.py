"""Runs that another study holds already: the same experiment on more or fewer of the images."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sparseattack.errors import InputError
from sparseattack.study.plan import plan
from sparseattack.study.prepared import Prepared
from sparseattack.study.store import Study


def adopt(prepared: Prepared, study: Study, others: Iterable[Path]) -> None:
    """Take over the runs that ``study`` lacks from studies that differ in how many images are drawn.

    No run depends on the images beside it, so that they are what running them again would come to.
    """
    mine = _but_draw(prepared.manifest)
    for path in sorted(others):
        if path == study.path:
            continue
        with suppress(InputError), Study.read(path) as other:  # what is no study has no runs
            if _but_draw(other.get("manifest")) == mine:
                _copy(prepared, study, other)


def _copy(prepared: Prepared, study: Study, other: Study) -> None:
    (task,) = plan(prepared, study)
    keys = {(case.image, case.target): key for key, case in task.todo}
    for record in other.records():
        if key := keys.get((record.image, record.target)):
            study.add(replace(record, key=key))


def _but_draw(manifest: dict[str, Any] | None) -> dict[str, Any]:
    """What results depend on, but for the number of images."""
    determines: dict[str, Any] = (manifest or {}).get("determines", {})
    experiment = {key: value for key, value in determines.get("experiment", {}).items() if key != "draw"}
    return {**determines, "experiment": experiment}
