"""Ways of asking a classifier, one a file."""
