"""What a study says: statistics, summaries, tables."""
