"""``sparseattack check``: does a strategy keep the contract?"""

from typing import Annotated

import typer


def command(
    strategy: Annotated[
        str,
        typer.Argument(
            metavar="STRATEGY",
            help="module:function, or a name, with settings, as in 'mine:search(popsize=5)'.",
        ),
    ],
) -> None:
    """Check that a strategy keeps the contract; every clause is said in words."""
    from .checking import check

    if not check(strategy):
        raise typer.Exit(1)
