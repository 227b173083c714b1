"""The search: one loop runs a strategy on every image under a query budget."""
