"""Study: a comparison that is prepared, run and stored in one file.

In reading order: ``experiment`` (the settings), ``protocols`` (published settings), ``prepare`` (everything
loaded and checked), ``cases`` (which images are attacked),
``run`` (the runs that are missing), ``record`` (one run), ``manifest`` (what is stored beside runs),
``store`` (the file), ``pictures`` (attacks on single pictures).
"""
