"""Report: the results of a study as numbers, tables and files.

In reading order: ``results`` (all results, as JSON and CSV), ``summary`` (a line per method and paired
tests), package ``statistics`` (intervals, curves and tests), ``selection`` (which runs), ``mixtures``
(whether they were made alike), ``columns`` (what every column means), ``tables`` (numbers as texts),
``side_by_side`` (those of several studies), ``notebook`` (HTML), ``data_frame`` (pandas), package ``figures``
(curves and maps), package ``page`` (all of it as one HTML file), package ``export`` (files of other formats),
``progress`` (how far a comparison is) and ``console`` (what is printed).
"""
