"""Reproduction: the tables of the one-pixel paper (Su, Vargas and Sakurai, 2019) measured again.

In reading order: ``one_pixel`` (the whole of it), ``studies`` (which runs a table needs), ``run`` (running
them), ``forecast`` (the time left), ``metrics`` (the paper's metrics), ``paper`` (the numbers it prints),
``tables`` and ``figures`` (ours beside the paper's), ``gallery`` (attacked images), ``notes`` (how to read
tables), ``render`` (files) and ``page`` (all of it as HTML).
"""
