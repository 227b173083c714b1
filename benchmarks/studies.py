"""The studies behind the figures of the documentation: ``python -m benchmarks.studies unpack NAME FILE``.

The folder ``studies`` beside this file has them compressed, without claims of processes and without the
folders that images and models lay in. One that is unpacked is a study like any other: ``sparseattack report``
shows it, and the command that made it goes on with it, run where the images and the model are and with the
version of the package that it was made with: another one may compute other scores, and says so.
"""

import argparse
import lzma
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sparseattack.errors import InputError, require
from sparseattack.files import write_whole
from sparseattack.study.facts import StudyRequest
from sparseattack.study.store import Study

FOLDER = Path(__file__).with_name("studies")
SUFFIX = ".study.xz"
FOLDERS = re.compile(r"(?<![\w.])/(?:[^/\s,()\[\]]+/)+")  # of an absolute path in a spec


def pack(study: Path, packed: Path) -> None:
    """Write a compressed copy of a study; InputError where there is none."""
    Study.read(study).connection.close()
    with tempfile.TemporaryDirectory() as folder:
        copy, whole = Path(folder) / "copy.study", Path(folder) / "whole.study"
        vacuum(study, copy)
        with Study.create(copy) as held:
            for part, request in held.facts(StudyRequest).items():
                with held.writing() as writing:
                    writing.execute("DELETE FROM study WHERE name = ?", (f"{StudyRequest.KEY}, {part}",))
                fresh = without_folders(request)
                held.set(fresh, fresh.part)
            held.connection.execute("DELETE FROM claim")
        vacuum(copy, whole)  # without what was deleted
        text = lzma.compress(whole.read_bytes(), preset=9)
    write_whole(packed, lambda path: path.write_bytes(text))


def vacuum(study: Path, copy: Path) -> None:
    """Copy what a study holds, its log included, and nothing that was deleted."""
    connection = sqlite3.connect(study)
    try:
        connection.execute("VACUUM INTO ?", (str(copy),))
    finally:
        connection.close()


def without_folders(request: StudyRequest) -> StudyRequest:
    """The request with files named as they are in their folder."""
    asked = request.experiment
    oracle, images, mask = (file_names(spec) for spec in (asked.oracle, asked.images, asked.mask))
    experiment = replace(asked, oracle=oracle, images=images, mask=mask)
    settings: dict[str, Any] = {
        name: file_names(value) if isinstance(value, str) else value
        for name, value in request.oracle_settings.items()
    }
    notes = tuple(map(file_names, request.notes))
    return replace(request, experiment=experiment, oracle_settings=settings, notes=notes)


def file_names(spec: str) -> str:
    """A spec without the folders of absolute paths."""
    return FOLDERS.sub("", spec)


def unpack(packed: Path, study: Path) -> None:
    """Write the study of a compressed one; InputError where there is a file already, or none to unpack."""
    require(not study.exists(), f"{study} exists: name a file that does not")
    try:
        held = lzma.decompress(packed.read_bytes())
    except (OSError, lzma.LZMAError) as error:
        raise InputError(f"{packed} is not a packed study ({error})") from error
    write_whole(study, lambda path: path.write_bytes(held))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The study at ``path``, unpacked for a while if it is compressed."""
    if path.suffix != ".xz":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / path.stem
        unpack(path, study)
        yield study


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    names = sorted(each.name.removesuffix(SUFFIX) for each in FOLDER.glob(f"*{SUFFIX}"))
    made = argparse.ArgumentParser("python -m benchmarks.studies", description=__doc__)
    made.add_argument("action", choices=("pack", "unpack"))
    made.add_argument("name", help=f"of a packed study; there are {', '.join(names)}")
    made.add_argument("file", type=Path, help="the study: read by pack, written by unpack")
    given = made.parse_args(arguments)
    packed = FOLDER / f"{given.name}{SUFFIX}"
    try:
        if given.action == "pack":
            pack(given.file, packed)
        else:
            known = ", ".join(names)
            require(given.name in names, f"there is no packed study {given.name}; there are {known}")
            unpack(packed, given.file)
    except InputError as error:
        made.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
