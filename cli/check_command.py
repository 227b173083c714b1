"""``sparseattack check``: does a strategy keep the contract?"""

from typing import Annotated

import typer


def command(
    strategy: Annotated[
        str,
        typer.Argument(
            metavar="STRATEGY",
            help="module:function, file.py:function or a name, with settings: 'mine.py:search(popsize=5)'.",
        ),
    ],
) -> None:
    """Check that a strategy keeps the contract; every clause is said in words."""
    from .check import check

    if not check(strategy):
        raise typer.Exit(1)
