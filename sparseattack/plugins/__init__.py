"""Plugins: strategies, encodings, fitness functions and oracles, found by name."""
