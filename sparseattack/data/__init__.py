"""Images: the type, loading by name or path, one reader a file, selections, PNG files."""
