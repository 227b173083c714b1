"""Images: read, selected, saved as PNG."""
