"""The statistics of a comparison.

In reading order: ``intervals`` (of rates and medians, and exact tests), ``curves`` (success against queries),
``resampling`` (bootstrap over images), ``paired`` (tests of two methods, and how many images they need),
``ranks`` (average ranks of several methods) and ``comparisons`` (every two methods of a study).
"""
