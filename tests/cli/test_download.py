"""The download command, from a server on this machine."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from sparseattack import InputError, load_images
from sparseattack.cli.main import main

NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
ROWS = np.random.default_rng(0).integers(10, size=(3, 3073), dtype=np.uint8)  # of every batch


def archive(folder: str = "cifar-10-batches-bin") -> bytes:
    """Six official batches of three images each."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as packed:
        for name in NAMES:
            entry = tarfile.TarInfo(f"{folder}/{name}.bin")
            entry.size = ROWS.nbytes
            packed.addfile(entry, io.BytesIO(ROWS.tobytes()))
    return file.getvalue()


class Server(ThreadingHTTPServer):
    """Serves files by name; one that is ``cut`` ends in the middle, one that is ``slow`` never ends."""

    daemon_threads = True
    files: dict[str, bytes]
    released: Event

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if (content := self.server.files.get(self.path[1:])) is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        whole = self.path == "/whole"
        self.wfile.write(content if whole else content[: len(content) // 2])
        if self.path == "/slow":
            self.wfile.flush()
            self.server.released.wait(60)

    def log_message(self, format: str, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answer) as server:
        server.files, server.released = {name: archive() for name in ("whole", "cut", "slow")}, Event()
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPARSEATTACK_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def call(*arguments: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as ended:
        main(("download", *arguments))
    assert (ended.value.code or 0) == code


def checksum(content: bytes) -> tuple[str, str]:
    return "--sha256", sha256(content).hexdigest()


def test_what_was_downloaded_is_found_by_name(server: Server, folder: Path) -> None:
    with pytest.raises(InputError, match="sparseattack download cifar10"):
        load_images("cifar10:test")
    call("cifar10", "--url", server.url("whole"), *checksum(archive()))
    images = load_images("cifar10:test")
    assert images.labels.tolist() == ROWS[:, 0].tolist()
    assert np.array_equal(images.pixels.flatten(1).numpy(), ROWS[:, 1:])
    assert len(load_images("cifar10:train")) == 15
    assert [entry.name for entry in folder.iterdir()] == ["cifar-10-batches-bin"]
    call("cifar10", "--url", server.url("gone"), *checksum(b""))  # it is there: nothing is fetched


def test_another_folder(
    server: Server, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(
        "cifar10",
        "--folder",
        str(tmp_path / "new" / "er"),
        "--url",
        server.url("whole"),
        *checksum(archive()),
    )
    assert str(tmp_path / "new" / "er") in capsys.readouterr().out
    assert len(load_images(f"{tmp_path / 'new' / 'er'}:test")) == 3
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("whole", "does not match the known hash"),
        ("cut", "cannot be downloaded to"),
        ("gone", "404"),
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing(
    server: Server, folder: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call("cifar10", "--url", server.url(name), *checksum(b"other" if name == "whole" else archive()), code=1)
    err = capsys.readouterr().err
    assert said in err
    assert server.url(name) in err
    assert len(err.splitlines()) == 1
    assert list(folder.iterdir()) == []


def test_no_server_and_no_known_address(
    server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("cifar10", "--url", "http://127.0.0.1:9/none", code=1)
    call("cifar10", "--url", "carrier-pigeon://roof", code=1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "cannot be downloaded" in lines[0]
    assert "carrier-pigeon" in lines[1]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"no archive", archive("something-else")])
def test_an_archive_of_something_else(
    server: Server, folder: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["whole"] = content
    call("cifar10", "--url", server.url("whole"), *checksum(content), code=1)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(folder.iterdir()) == []


def test_interrupted_it_leaves_nothing(server: Server, folder: Path) -> None:
    command = [sys.executable, "-m", "sparseattack.cli", "download", "cifar10", "--url", server.url("slow")]
    process = subprocess.Popen(
        [*command, *checksum(archive())],
        env=os.environ,
        stderr=subprocess.PIPE,
        text=True,
        stdout=subprocess.PIPE,
    )
    for _ in range(600):
        if any(folder.glob(".download-*/*")):
            break
        time.sleep(0.05)
    assert list(folder.iterdir())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert list(folder.iterdir()) == []


def test_only_what_there_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("imagenet", code=2)
    assert "there is no data set 'imagenet' to download, only cifar10" in capsys.readouterr().err


def test_without_pooch_the_error_names_the_extra_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    call("cifar10", code=2)
    assert 'pip install "sparseattack[pooch]"' in capsys.readouterr().err
    with contextlib.suppress(FileNotFoundError):
        assert list(folder.iterdir()) == []
