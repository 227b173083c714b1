"""An archive comes over the network: whole and checked, or not at all."""

import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from sparseattack.errors import InputError, SparseattackError, brief
from sparseattack.plugins.requirements import install_command

FOLDER = "cifar-10-batches-bin"  # in the archive, and what is kept of it


class Bar:
    """A progress bar as pooch drives it."""

    total: float = 0  # bytes, set by pooch

    def __init__(self, progress: Progress) -> None:
        self.progress, self.task = progress, progress.add_task("", total=None)

    def update(self, count: int) -> None:
        """So many more bytes."""
        self.progress.update(self.task, total=self.total, advance=count)

    def reset(self) -> None:
        """None so far."""
        self.progress.reset(self.task)

    def close(self) -> None:
        """No more will come."""
        self.progress.stop()


def download(url: str, sha256: str, folder: Path) -> Path:
    """Fetch the archive at ``url``, check it, and unpack it into ``folder``."""
    kept = folder / FOLDER
    if kept.exists():
        return kept
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".download-", dir=folder) as beside:
            archive = _fetch(url, sha256, Path(beside))
            _unpack(archive, Path(beside)).replace(kept)  # at once: who is interrupted has all or nothing
    except OSError as error:  # of the network as of the disk
        raise SparseattackError(f"{url} could not be brought to {folder}: {brief(error)}") from error
    return kept


def _fetch(url: str, sha256: str, folder: Path) -> Path:
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise InputError(
            f"to download needs {error.name}: {install_command('sparseattack', 'pooch')}"
        ) from error
    pooch.get_logger().setLevel("WARNING")
    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            return Path(pooch.retrieve(url, f"sha256:{sha256}", "archive", folder, progressbar=Bar(progress)))
    except ValueError as error:  # a wrong checksum, or an address of no known kind
        said = str(error).partition(". ")[0]
        raise SparseattackError(f"nothing was kept of {url}: {said}") from error


def _unpack(archive: Path, folder: Path) -> Path:
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise SparseattackError(f"{archive.name} cannot be unpacked: {brief(error)}") from error
    if not (folder / FOLDER).is_dir():
        raise SparseattackError(f"there is no folder {FOLDER} in the archive")
    return folder / FOLDER
