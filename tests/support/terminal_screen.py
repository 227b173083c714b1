"""A program in a real terminal of a given size, and what its screen shows."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator

CONTROL = re.compile(r"\x1b\[(\?25[lh]|[\d;]*[mAK])|\r|\n|[^\x1b\r\n]")


class Screen:
    """Lines of at most ``width`` columns; longer ones are continued on the next line, as terminals do."""

    def __init__(self, width: int) -> None:
        self.width, self.lines, self.row, self.column = width, [""], 0, 0

    def write(self, text: str) -> None:
        """Obey a program's output; AssertionError for a control sequence that is not known here."""
        assert CONTROL.sub("", text) == "", CONTROL.sub("", text)
        for found in CONTROL.finditer(text):
            self._obey(found[0])

    def _obey(self, piece: str) -> None:
        if piece == "\r":
            self.column = 0
        elif piece == "\n":
            self._down()
        elif piece.endswith("A") and len(piece) > 1:
            self.row = max(0, self.row - int(piece[2:-1] or 1))
        elif piece == "\x1b[2K":
            self.lines[self.row] = ""
        elif len(piece) == 1:
            if self.column == self.width:
                self.column = 0
                self._down()
            held = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = held[: self.column] + piece + held[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")


def output_in_terminal(code: str, width: int, height: int) -> Iterator[str]:
    """What Python ``code`` prints in a terminal of so many columns and rows, piece by piece."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=its, stdout=its, stderr=its, env=environment | {"TERM": "xterm"},
    )  # fmt: skip
    os.close(its)
    held = b""
    while True:
        try:
            held += os.read(ours, 65536)
        except OSError:  # its end is closed
            break
        whole = held.rfind(b"\n") + 1  # no character is cut in two
        yield held[:whole].decode()
        held = held[whole:]
    yield held.decode()
    os.close(ours)
    assert process.wait() == 0
