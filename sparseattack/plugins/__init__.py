"""Plugins: strategies, encodings, fitness functions and oracles, found by name.

In reading order: ``spec`` (a name with settings as text), ``presets`` (named groups of settings),
``registry`` (from a name to a function),
``model_files`` (the oracle that reads the file of a model),
``requirements`` (what a plugin's source needs, read without importing it), ``catalogue`` (all of them).
"""
