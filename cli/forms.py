"""In which form a study is printed."""

from collections.abc import Mapping

from sparseattack.errors import InputError


def one_of(chosen: Mapping[str, bool]) -> str:
    """The form whose option is given, or else the table."""
    given = [form for form, wanted in chosen.items() if wanted]
    if len(given) > 1:
        raise InputError(f"--{' and --'.join(given)} are different forms: choose one")
    return given[0] if given else "table"
