"""Conformance: tests that any strategy, oracle or encoding has to pass, as ``sparseattack check`` runs them.

In reading order: ``clauses`` (the contract of a strategy, one test per clause), ``problems`` (the small
problems that a strategy is tried on), ``oracles`` (the contract of an oracle), ``encodings`` (that of an
encoding).
"""
