"""``sparseattack show``: one thing in full."""

from typing import Annotated

import typer


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `sparseattack list`.")],
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show all about a strategy, an encoding, a fitness function, an oracle or a protocol."""
    import json
    from dataclasses import asdict

    from sparseattack import PROTOCOLS
    from sparseattack.errors import InputError, near
    from sparseattack.plugins.catalogue import details
    from sparseattack.plugins.registry import KINDS, names

    from .catalogue import print_detail, print_protocol

    found, protocols = details(name), [PROTOCOLS[name]] if name in PROTOCOLS else []
    if not found and not protocols:
        known = sorted({*PROTOCOLS, *(each for kind in KINDS for each in names(kind))})
        raise InputError(f"nothing is called {name!r}, only {', '.join(known)}{near(name, known)}")
    if json_:
        print(json.dumps([*map(asdict, found), *(each.to_dict() for each in protocols)], indent=2))
        return
    for detail in found:
        print_detail(detail)
    for protocol in protocols:
        print_protocol(protocol)
