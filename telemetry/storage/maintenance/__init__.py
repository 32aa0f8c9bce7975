"""Back up, restore, check and recount a data directory."""
