-- Installations that were erased, by the SHA-256 of their ids: of `forget` the raw events, of `exclude` their numbers too.
-- `counted_at` is set by the transaction that takes the numbers out or moves them to `removed_stats`; `finished_at` when
-- no raw event is left. Without it the rest is done at the next start.
CREATE TABLE erasures (
    installation_sha256 TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('forget', 'exclude')),
    requested_at TEXT NOT NULL,
    counted_at TEXT,
    finished_at TEXT
) WITHOUT ROWID;

-- The part of `daily_stats` whose raw events were forgotten. Every recount of raw events adds it.
CREATE TABLE removed_stats (
    date TEXT NOT NULL,
    metric TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (date, metric)
) WITHOUT ROWID;

-- How many of a segment's events were erased: the watermark includes them, the file does not hold them.
ALTER TABLE segments ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
