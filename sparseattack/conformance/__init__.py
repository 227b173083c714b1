"""The contract of a strategy, clause by clause, and the small problems that strategies are tried on."""
