"""Which options were given, and in which form a study is printed."""

from collections.abc import Mapping

import typer

from sparseattack.errors import InputError


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
