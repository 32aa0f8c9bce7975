-- What a flush changes of the installations, while it runs. `first_seen` is null if nobody knew the installation yet.
CREATE TABLE flushing.changed_installations (
    installation_id TEXT PRIMARY KEY,
    first_seen TEXT,
    is_unseen INTEGER NOT NULL
) WITHOUT ROWID
