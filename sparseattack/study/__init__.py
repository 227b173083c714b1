"""Study: an experiment's runs, stored in one file, and run where they are missing.

In reading order: ``run`` (the runs that are missing), ``claim`` (which process makes which), ``progress``
(how far they are), ``record`` (one run), ``outcomes`` (records of outcomes, verified), ``columns`` (all runs
side by side), ``facts`` (what is stored beside runs), ``store`` (the file), ``tables`` (what is in it),
``database`` (how it is opened), ``merge`` (the union of several), ``pictures`` (attacks on single pictures),
package ``executors`` (shards, and where they are run).
"""
