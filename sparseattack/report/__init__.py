"""Report: the results of a study as numbers, and its progress while it is made.

In reading order: ``results`` (all results, as JSON and CSV), ``summary`` (a line per method and paired
tests), ``statistics`` (intervals and tests), ``progress`` (a bar and lines while a comparison runs),
``console`` (prints names as they are).
"""
