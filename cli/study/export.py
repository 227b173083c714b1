"""Export a study, and say what was written."""

from pathlib import Path

from sparseattack.cli.terminal import print_text
from sparseattack.errors import number_of
from sparseattack.report.export.formats import FORMATS, check_format, export_results
from sparseattack.report.results import results
from sparseattack.study.store import Study


def export(path: Path, form: str, out: Path | None, chosen: str) -> None:
    """Write the study at ``path``, or the ``chosen`` part of it, in a format, by default beside it."""
    check_format(form)
    with Study.read(path) as study:
        found = results(study, chosen=chosen, courses=False)
    written = export_results(found, form, out or path.with_suffix(FORMATS[form].ending))
    for each in written:
        print_text(f"written: {each}")
    if found.unfinished:
        done = f"{found.finished:,} of {number_of(found.subject.runs, 'run')} done"
        print_text(f"sparseattack: the study is unfinished: {done}", error=True)
