"""Search strategies, one algorithm per file.

In reading order: ``random_search``, ``exhaustive``, ``de`` (differential evolution), ``sparse_rs``,
``brusle``, ``additive_gp`` (a package); by libraries ``cmaes``, ``nevergrad`` and ``nsga2``. Shared parts:
``convergence`` (whether all members are the same edit) and ``draws`` (sampling without replacement).
"""
