"""The statistics of a comparison.

In reading order: ``intervals`` (of rates and medians), ``curves`` (success against queries).
"""
