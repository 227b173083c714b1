"""Which options were given, and in which form a study is printed.

Numbers given as text on the command line.
"""

from collections.abc import Mapping

import typer

from sparseattack import InputError


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """``1,3,5`` as numbers."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} takes whole numbers such as 1,3,5, not {text!r}") from None


def one_of(chosen: Mapping[str, bool]) -> str:
    """The form whose option is given, or else the table."""
    given = [form for form, wanted in chosen.items() if wanted]
    if len(given) > 1:
        raise InputError(f"--{' and --'.join(given)} are different forms: choose one")
    return given[0] if given else "table"


def given(context: typer.Context) -> set[str]:
    """The parameters that were written on the command line, not left at their defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
