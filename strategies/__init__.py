"""Search strategies, one algorithm per file.

In reading order: ``random_search``, ``differential_evolution`` (a package), ``pixel_search`` (a package of
those that choose pixels and colours), ``additive_gp`` (a package), ``cmaes_native``; by libraries ``cmaes``,
``nevergrad`` and ``nsga2``; other libraries' attacks, metered, in ``external`` (a package). Shared parts:
``convergence`` (whether all members are the same edit) and ``draws`` (sampling without replacement).
"""
