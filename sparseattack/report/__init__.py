"""Report: the results of a study as numbers, tables and files.

In reading order: ``results`` (all results, as JSON and CSV), ``summary`` (a line per method and paired
tests), ``statistics`` (intervals and tests), ``selection`` (which runs), ``mixtures`` (whether they were made
alike), ``columns`` (what every column means), ``tables`` (figures as texts), ``side_by_side`` (those of
several studies), ``notebook`` (HTML), ``data_frame`` (pandas), package ``export`` (files of other formats),
``progress`` (how far a comparison is) and ``console`` (what is printed).
"""
