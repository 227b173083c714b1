"""The oracle that answers from a table of scores: ``lookup`` (which image, pixel and colour), ``oracle``."""
