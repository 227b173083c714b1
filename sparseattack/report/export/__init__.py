"""Exports of a study: one format a file, found by its name.

In reading order: ``formats`` (their names, and how one is written), ``comma_separated``, ``json_lines``,
``parquet`` (every run), ``latex`` (the table), ``robustness`` (a leaderboard's entries), ``iohprofiler`` (the
course of every run) and ``pictures`` (adversarial images).
"""
