"""Searches that choose pixels and their colours, not genes, one algorithm per file.

In reading order: ``exhaustive``, ``corner_search``, ``pixel_set`` (pixels in corner colours), ``sparse_rs``,
``brusle``, ``one_plus_one``, ``local_search``, ``sa_moo``, ``pixle``.
"""
