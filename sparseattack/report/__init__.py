"""Report: the results of a study as numbers.

In reading order: ``results`` (all results, as JSON and CSV), ``summary`` (a line per method and paired
tests), ``statistics`` (intervals and tests).
"""
