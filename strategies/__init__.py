"""Search strategies, one algorithm a file; ``grid`` and ``draws`` hold what several of them use."""
