"""Encodings: how a candidate in the unit cube becomes a few changed pixels.

In reading order: ``encoding`` (what one is), ``pixels`` (``rgb`` and ``corners``: row, column, colour),
``index`` (position, colour), ``delta`` (differences to the clean colour), ``palette`` (colours of the image),
``channels`` (single channels of pixels), ``whole_images`` (all pixels, of strategies that begin with another
image). docs/encodings.md describes and measures them.
"""
