-- What the cluster has: the origin of the rows and their revision, and the events that it was told for each complete day.
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
