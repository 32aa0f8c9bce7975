"""SQLite files: opened, migrated, read, copied and scrubbed one way, and their errors explained."""
