"""Numbers given as text on the command line."""

from sparseattack.errors import InputError


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """``1,3,5`` as numbers."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} takes whole numbers such as 1,3,5, not {text!r}") from None
