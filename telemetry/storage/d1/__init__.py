"""The import of the old worker's data."""
