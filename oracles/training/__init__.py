"""Training: the recipe that the weights in the package were made with."""
