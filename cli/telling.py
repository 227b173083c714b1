"""What became of a picture, in words."""

from collections.abc import Sequence
from pathlib import Path

from sparseattack.data.png import Change, changes
from sparseattack.study.keep import caption, class_name
from sparseattack.study.pictures import Attempt
from sparseattack.study.prepared import Prepared
from sparseattack.study.record import Record


def in_full(prepared: Prepared, attempt: Attempt, files: Sequence[Path]) -> str:
    """A few lines, each with its heading."""
    lines = [("before", _before(prepared, attempt.place))]
    if attempt.record and attempt.record.target >= 0:
        lines.append(("target", class_name(prepared.classes, attempt.record.target)))
    if attempt.after is None or attempt.record is None:
        lines.append(("result", f"{_why_not(prepared, attempt)}; nothing was written"))
    else:
        record, changed = attempt.record, changes(attempt.before, attempt.after)
        lines += [
            ("after", _after(prepared, record)),
            ("queries", f"{record.first_fooled:,} until it fooled, {record.queries:,} in all"),
            ("changed", f"{_pixels(record.pixels)}; rows and columns count from 0"),
            *(("", _change(one)) for one in changed),
            ("verified", "read back from its file and shown alone, the picture fools again"),
            *zip(("written", ""), map(str, files), strict=True),
        ]
    return "\n".join(f"{heading:<10}{text}" for heading, text in lines)


def in_a_line(prepared: Prepared, attempt: Attempt, files: Sequence[Path]) -> str:
    """One line, without the files, which are named after the picture."""
    name, before = prepared.images.ids[attempt.place], _before(prepared, attempt.place)
    if attempt.record is None or not files:
        return f"{name}: {before}; {_why_not(prepared, attempt)}"
    record = attempt.record
    cost = f"{_queries(record.first_fooled)}, {_pixels(record.pixels)}"
    return f"{name}: {before} -> {_after(prepared, record)}, {cost}"


def summary(told: Sequence[Attempt], out: Path) -> str:
    """How many pictures fooled."""
    attacked = [attempt.record for attempt in told if attempt.record]
    fooled = sum(record.success for record in attacked)
    left_out = len(told) - len(attacked)
    return (
        f"{fooled} of {len(attacked)} attacked pictures fool, verified; {left_out} left out"
        f"{f'; written to {out}' if fooled else '; nothing was written'}"
    )


def _before(prepared: Prepared, place: int) -> str:
    said = prepared.verdicts
    return caption(prepared.classes, int(said.classes[place]), float(said.confidences[place]))


def _after(prepared: Prepared, record: Record) -> str:
    return caption(prepared.classes, record.after_class, record.after_confidence)


def _why_not(prepared: Prepared, attempt: Attempt) -> str:
    """Why there is no success."""
    record = attempt.record
    if record is None:
        label = class_name(prepared.classes, int(prepared.images.labels[attempt.place]))
        leave = prepared.experiment.target == "none"
        return f"nothing to attack: it is {f'not called {label}' if leave else 'of the target class already'}"
    if record.error:
        return f"the search was given up after {_queries(record.queries)}: {record.error}"
    if record.first_fooled:
        return f"fooled by query {record.first_fooled:,}, but not when shown alone: no success"
    return f"no success in {_queries(record.queries)}; a larger --budget or more --pixels may help"


def _pixels(count: int) -> str:
    return f"{count} pixel{'' if count == 1 else 's'}"


def _queries(count: int) -> str:
    return f"{count:,} {'query' if count == 1 else 'queries'}"


def _change(change: Change) -> str:
    was, now = (str(colour[0]) if len(colour) == 1 else str(colour) for colour in change[2:])
    return f"row {change.row}, column {change.column}: {was} -> {now}"
