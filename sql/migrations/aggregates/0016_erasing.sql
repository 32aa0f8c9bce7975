-- Erasures that are under way, whose numbers are taken out: the ids that are sought in all files, as JSON, and the day up to
-- which segments are done. A row leaves with the end of its erasure; shortly before that it holds no ids any more.
CREATE TABLE erasing (
    installation_sha256 TEXT PRIMARY KEY,
    installation_ids TEXT NOT NULL,
    done_through TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
