"""How fast attacks are: ``python -m benchmarks --help``, at the root of the checkout."""
