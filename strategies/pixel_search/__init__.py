"""Searches that choose pixels and their colours, not genes, one algorithm per file.

In reading order: ``exhaustive``, ``sparse_rs``, ``brusle``, ``one_plus_one``.
"""
