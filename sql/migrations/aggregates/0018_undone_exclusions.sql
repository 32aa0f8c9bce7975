-- When an exclusion was undone: a backup that still knows the exclusion does not bring it back.
CREATE TABLE undone_exclusions (
    installation_sha256 TEXT PRIMARY KEY,
    undone_at TEXT NOT NULL
) WITHOUT ROWID;
