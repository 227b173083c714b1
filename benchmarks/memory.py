"""How much memory this process holds."""

import resource
import sys
from pathlib import Path

PROCESS = Path("/proc/self")
RESET = "5"  # makes Linux forget the peak


def held() -> int:
    """Bytes now, the peak being forgotten; where a system cannot tell, the peak."""
    try:
        (PROCESS / "clear_refs").write_text(RESET)
        return _told("VmRSS")
    except OSError:
        return peak()


def peak() -> int:
    """Bytes at most; ``ru_maxrss``, which begins at what the parent holds, only where nothing else tells."""
    try:
        return _told("VmHWM")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _told(name: str) -> int:
    lines = (PROCESS / "status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024
