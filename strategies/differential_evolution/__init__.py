"""Differential evolution, one variant per file.

In reading order: ``de``, ``de_efficient``; ``current_to_pbest`` (what the next two share), ``jade``,
``shade``.
"""
