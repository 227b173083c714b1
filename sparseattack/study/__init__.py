"""Study: a comparison that is prepared, run and stored in one file.

In reading order: ``experiment`` (the settings), ``protocols`` (published settings), ``clean`` (the oracle and
its predictions on the clean images), ``prepare`` (everything loaded and checked), ``cases`` (which images are
attacked), ``run`` (the runs that are missing), ``record`` (one run), ``manifest`` (what is stored beside
runs), ``schema`` (types of what is read back), ``store`` (the file), ``pictures`` (attacks on single
pictures).
"""
