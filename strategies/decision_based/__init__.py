"""Searches that need labels only: from an image that fools the oracle to ever fewer changed pixels.

In reading order: ``beginning`` (where they start), ``pointwise``, ``sparse_evo``.
"""
