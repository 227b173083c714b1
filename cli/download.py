"""Download CIFAR-10: the archive is checked and unpacked, or nothing is left behind."""

import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from sparseattack.data.cifar10 import data_folder
from sparseattack.errors import InputError, SparseattackError, brief
from sparseattack.plugins.requirements import install_command

from .terminal import print_text, stderr

FOLDER = "cifar-10-batches-bin"  # in the archive


class Bar:
    """A progress bar as pooch drives it."""

    total: float = 0  # bytes, set by pooch

    def __init__(self, progress: Progress) -> None:
        self.progress, self.task = progress, progress.add_task("", total=None)

    def update(self, count: int) -> None:
        """Add ``count`` bytes."""
        self.progress.update(self.task, total=self.total, advance=count)

    def reset(self) -> None:
        """Go back to no bytes."""
        self.progress.reset(self.task)

    def close(self) -> None:
        """Stop the bar."""
        self.progress.stop()


def download(name: str, url: str, sha256: str, folder: Path | None) -> None:
    """Bring the data set ``name`` into ``folder``, by default where images are looked for."""
    if name != "cifar10":
        raise InputError(f"there is no data set {name!r} to download, only cifar10")
    print_text(f"cifar10:train and cifar10:test are in {fetch(url, sha256, folder or data_folder())}")


def fetch(url: str, sha256: str, folder: Path) -> Path:
    """Download the archive at ``url`` unless it is there, check it, and unpack it into ``folder``.

    InputError without pooch; SparseattackError where the network, the disk or the checksum fails.
    """
    unpacked = folder / FOLDER
    if unpacked.exists():
        return unpacked
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".download-", dir=folder) as beside:
            archive = _retrieve(url, sha256, Path(beside))
            _unpack(archive, Path(beside)).replace(unpacked)  # at once: all or nothing after an interruption
    except OSError as error:  # of the network as of the disk
        raise SparseattackError(f"{url} cannot be downloaded to {folder}: {brief(error)}") from error
    return unpacked


def _retrieve(url: str, sha256: str, folder: Path) -> Path:
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise InputError(
            f"downloading needs {error.name}: {install_command('sparseattack', 'pooch')}"
        ) from error
    pooch.get_logger().setLevel("WARNING")
    console = stderr()
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            return Path(pooch.retrieve(url, f"sha256:{sha256}", "archive", folder, progressbar=Bar(progress)))
    except ValueError as error:  # a wrong checksum, or an address of no known kind
        reason = str(error).partition(". ")[0]
        raise SparseattackError(f"{url} was discarded: {reason}") from error


def _unpack(archive: Path, folder: Path) -> Path:
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise SparseattackError(f"{archive.name} cannot be unpacked: {brief(error)}") from error
    if not (folder / FOLDER).is_dir():
        raise SparseattackError(f"there is no folder {FOLDER} in the archive")
    return folder / FOLDER
