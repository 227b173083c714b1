"""Scores of images that differ from a clean one in few pixels, computed only where they differ."""
