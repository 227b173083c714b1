"""What a strategy demands of its settings and its space."""

from sparseattack import InputError


def demand(holds: bool, sentence: str) -> None:
    """Refuse to search unless it ``holds``: InputError with the ``sentence``."""
    if not holds:
        raise InputError(sentence)
