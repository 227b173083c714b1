"""Differential evolution, one variant per file.

In reading order: ``de``.
"""
