"""The oracle that answers from a table of scores: ``lookup`` (which image, pixel and colour), ``oracle``.

Beside it ``labels``: another oracle without its scores.
"""
