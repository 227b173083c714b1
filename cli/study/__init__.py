"""The commands about studies: what writes one, and what reads some.

In reading order: ``commands`` (each with its options), ``options`` (theirs alone), ``compare`` (runs what a
study lacks), ``tables`` (what is printed of it), ``merge`` (unites several), ``studies`` (lists those of a
folder) and ``export`` (what is written for other programs).
"""
