"""``sparseattack download``: data sets, checked and unpacked where images are looked for."""

from pathlib import Path
from typing import Annotated

import typer

CIFAR10 = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"


def command(
    name: Annotated[str, typer.Argument(help="What to download: cifar10, 162 MiB.")],
    folder: Annotated[
        Path | None,
        typer.Option(help="Where to put it; SPARSEATTACK_DATA or a folder in your cache by default."),
    ] = None,
    url: Annotated[str, typer.Option(help="Where to take it from instead.")] = CIFAR10,
    sha256: Annotated[str, typer.Option(help="Checksum of the archive there.")] = SHA256,
) -> None:
    """Download CIFAR-10, so that the images cifar10:train and cifar10:test exist."""
    from sparseattack.data.cifar10 import data_folder
    from sparseattack.errors import InputError

    from .download import download

    if name != "cifar10":
        raise InputError(f"there is no data set {name!r} to download, only cifar10")
    place = folder or data_folder()
    print(f"cifar10:train and cifar10:test are in {download(url, sha256, place)}")
