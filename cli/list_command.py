"""``sparseattack list``: what there is to choose from."""

from typing import Annotated

import typer


def command(
    try_: Annotated[bool, typer.Option("--try", help="Import everything, to find what is broken.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """List strategies, encodings, fitness functions, oracles, with settings and needs, and protocols."""
    import json
    from dataclasses import asdict

    from sparseattack import PROTOCOLS
    from sparseattack.plugins.catalogue import entries, try_import
    from sparseattack.plugins.registry import KINDS

    from .catalogue import print_entries

    found = {kind: entries(kind) for kind in KINDS}
    if try_:
        found = {kind: [try_import(entry) for entry in some] for kind, some in found.items()}
    if json_:
        told = {kind: [asdict(one) for one in some] for kind, some in found.items()}
        protocols = [each.to_dict() for each in PROTOCOLS.values()]
        print(json.dumps(told | {"protocols": protocols}, indent=2))
        return
    print_entries(found, PROTOCOLS.values())
