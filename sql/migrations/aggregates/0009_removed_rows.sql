-- The parts of `signature_counts` and `action_aggregates` whose raw events were forgotten. Every recount adds them.
CREATE TABLE removed_signature_counts (
    signature_format INTEGER NOT NULL,
    signature_hash TEXT NOT NULL,
    language TEXT NOT NULL,
    category TEXT NOT NULL,
    detection_method TEXT NOT NULL,
    occurrence_count INTEGER NOT NULL,
    confidence_millionths INTEGER NOT NULL,
    locations INTEGER NOT NULL,
    outliers INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    PRIMARY KEY (signature_format, signature_hash, language, category, detection_method)
) WITHOUT ROWID;

CREATE TABLE removed_action_aggregates (
    category TEXT NOT NULL,
    action TEXT NOT NULL,
    confidence_bucket TEXT NOT NULL,
    count INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    bulk_count INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (category, action, confidence_bucket)
) WITHOUT ROWID;

-- Older programs did not record that of actions: it is what the raw events leave, once the signatures are sorted.
CREATE TABLE unsorted_actions (
    category TEXT NOT NULL,
    action TEXT NOT NULL,
    confidence_bucket TEXT NOT NULL,
    count INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    bulk_count INTEGER NOT NULL,
    PRIMARY KEY (category, action, confidence_bucket)
) WITHOUT ROWID;

INSERT INTO unsorted_actions
SELECT category, action, confidence_bucket, count, hours, updated_at, bulk_count
FROM action_aggregates
WHERE EXISTS (SELECT 1 FROM removed_stats);

INSERT INTO unsorted_days (day, watermark)
SELECT day, watermark
FROM segments
WHERE watermark > 0 AND retired_at IS NULL AND EXISTS (SELECT 1 FROM unsorted_actions)
ON CONFLICT (day) DO NOTHING;
