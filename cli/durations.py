"""Durations as people say them."""

MINUTE, HOUR = 60, 3600  # seconds


def spoken(seconds: float) -> str:
    """``40 s``, ``12 min``, ``2 h 10 min``."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    hours, rest = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hours} h {rest} min"
