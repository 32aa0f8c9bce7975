-- What the cluster was told: whose rows these are, as of which revision, and how many events each sealed day has.
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    origin TEXT NOT NULL,
    revision INTEGER NOT NULL
);

CREATE TABLE days (
    day TEXT NOT NULL,
    node_id TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (day, node_id)
) WITHOUT ROWID;
