"""Files that oracles are made from."""

from hashlib import file_digest
from pathlib import Path

from sparseattack import InputError


def required(path: str | Path) -> Path:
    """The file at ``path``, if there is one."""
    if not (found := Path(path).expanduser()).is_file():
        raise InputError(f"there is no file {found}")
    return found


def sha256(path: Path) -> str:
    """Of the bytes of a file: 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
