-- One row: `revision` grows with every change of the aggregates.
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL
);

INSERT INTO state (one, revision) VALUES (1, 0);

-- One row for each day's segment; `watermark` is the id of the last event that the aggregates include.
CREATE TABLE segments (
    day TEXT PRIMARY KEY,
    watermark INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE daily_stats (
    date TEXT NOT NULL,
    metric TEXT NOT NULL,
    value INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (date, metric)
) WITHOUT ROWID;

-- Averages are exact because only integer sums are stored.
CREATE TABLE pattern_signatures (
    signature_hash TEXT PRIMARY KEY,
    category TEXT NOT NULL,
    detection_method TEXT,
    language TEXT,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    occurrence_count INTEGER NOT NULL,
    confidence_millionths INTEGER NOT NULL,
    locations INTEGER NOT NULL,
    outliers INTEGER NOT NULL,
    latest_day TEXT NOT NULL,
    latest_id INTEGER NOT NULL,
    avg_confidence REAL AS (confidence_millionths / 1e6 / occurrence_count),
    avg_location_count REAL AS (locations * 1.0 / occurrence_count),
    avg_outlier_count REAL AS (outliers * 1.0 / occurrence_count)
) WITHOUT ROWID;

CREATE TABLE action_aggregates (
    category TEXT NOT NULL,
    action TEXT NOT NULL,
    confidence_bucket TEXT NOT NULL,
    count INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    avg_hours_to_decision REAL AS (hours * 1.0 / count),
    PRIMARY KEY (category, action, confidence_bucket)
) WITHOUT ROWID;

-- `days_seen` is a bit set: bit n is set when the installation was seen n days before `last_seen`; the last, 61, also stands for more days.
-- It keeps the count of unique installations exact when a day is reached again after the clock was set back.
CREATE TABLE installations (
    installation_id TEXT PRIMARY KEY,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    days_seen INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX installations_by_last_seen ON installations (last_seen);
