"""Experiment: what a person compares, made ready to run.

In reading order: ``settings`` (what is chosen), ``file`` (the same as a file), ``protocols`` (published
settings), ``mask`` (which pixels may change), ``preprocessing`` (an oracle that resizes by itself),
``clean`` (the oracle and its predictions on the clean images), ``starts`` (given images that searches begin
with), ``prepare`` (everything loaded and checked), ``cases`` (which images are attacked), ``identity`` (what
a study is about, and the keys of runs), ``score_table`` (all one-pixel answers of an oracle as a file),
``tabulation`` (they are asked for).
"""
