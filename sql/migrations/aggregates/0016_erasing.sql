-- Erasures under way whose numbers are already taken out: the ids to look for in all files, as JSON, and the last day
-- whose segment is done. A row leaves when its erasure ends; its ids are emptied shortly before.
CREATE TABLE erasing (
    installation_sha256 TEXT PRIMARY KEY,
    installation_ids TEXT NOT NULL,
    done_through TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
