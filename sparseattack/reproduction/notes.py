"""What a reader of a table must know: what was run, and where that is not what the paper ran."""

from collections.abc import Iterator, Mapping

from sparseattack.study.protocols import PROTOCOLS

from .finding import Finding
from .part import Part
from .sentences import KAGGLE, OWN, READING
from .table import Table


def notes(table: Table, found: Mapping[Part, Finding]) -> list[str]:
    """Sentences, those first that say what was run."""
    measured = {part: found[part] for part in table.parts() if part in found}
    kaggle = (KAGGLE,) if table.name in ("4", "5", "6", "7") else ()
    return [*_run(measured), *kaggle, *OWN[table.name], READING]


def _run(measured: Mapping[Part, Finding]) -> Iterator[str]:
    """Images, and where their number or the budget is not the paper's."""
    if not measured:
        yield "Nothing of this table has been run yet."
        return
    images = {f"{finding.experiment['images']} ({finding.images:,} images)" for finding in measured.values()}
    yield f"Images are of {' and '.join(sorted(images))}, on {_devices(measured)}."
    if counts := sorted({said for pair in measured.items() if (said := _fewer(*pair))}):
        yield f"Fewer images than in the paper: {'; '.join(counts)}."
    if budgets := sorted({said for pair in measured.items() if (said := _budget(*pair))}):
        yield f"Another budget than the paper's: {'; '.join(budgets)}."
    if missing := [finding for finding in measured.values() if any(one.error for one in finding.records)]:
        yield f"Some searches were given up after an error, and count as failures: {missing[0].path.name}."


def _devices(measured: Mapping[Part, Finding]) -> str:
    return " and ".join(sorted({finding.experiment["device"] for finding in measured.values()}))


def _fewer(part: Part, finding: Finding) -> str:
    wanted = PROTOCOLS[part.protocol].settings(part.targeted)["draw"]
    if finding.attacked >= wanted:
        return ""
    mode = "targeted" if part.targeted else "untargeted"
    return f"{part.network}, {mode}, {finding.attacked} in place of {wanted}"


def _budget(part: Part, finding: Finding) -> str:
    wanted, had = PROTOCOLS[part.protocol].settings(part.targeted)["budget"], finding.experiment["budget"]
    return "" if had == wanted or part.exhaustive else f"{had:,} rows in place of {wanted:,}"
