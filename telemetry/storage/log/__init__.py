"""The event log: one segment for each UTC day, appended to, sealed, read and followed."""
