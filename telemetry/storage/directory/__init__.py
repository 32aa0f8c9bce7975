"""The data directory: which files it has, which of them are the service's own, and what they take of the disk."""
