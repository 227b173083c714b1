"""Encodings: how a candidate in the unit cube becomes a few changed pixels.

In reading order: ``encoding`` (what one is), ``pixels`` (``rgb`` and ``corners``).
"""
