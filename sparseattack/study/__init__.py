"""A study: an experiment prepared, run and stored."""
