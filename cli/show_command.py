"""``sparseattack show``: one thing in full."""

from typing import Annotated

import typer


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `sparseattack list`.")],
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show all about a strategy, an encoding, a fitness function or an oracle."""
    import json
    from dataclasses import asdict

    from sparseattack.detail import details

    from .describing import print_detail

    found = details(name)
    if json_:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        print_detail(one)
