-- What is left to be counted by its labels: rows of older programs, which knew one set of labels for each signature, and
-- the days whose raw events tell the others. `sorted` is the id of the last event that was moved to `signature_counts`.
ALTER TABLE pattern_signatures RENAME TO unsorted_signatures;

CREATE TABLE unsorted_days (
    day TEXT PRIMARY KEY,
    sorted INTEGER NOT NULL DEFAULT 0,
    watermark INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO unsorted_days (day, watermark)
SELECT day, watermark
FROM segments
WHERE watermark > 0 AND retired_at IS NULL AND EXISTS (SELECT 1 FROM unsorted_signatures);

-- One row for each signature and the labels that it was sent with; `none` stands for an empty label.
CREATE TABLE signature_counts (
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
    avg_confidence REAL AS (confidence_millionths / 1e6 / occurrence_count),
    avg_location_count REAL AS (locations * 1.0 / occurrence_count),
    avg_outlier_count REAL AS (outliers * 1.0 / occurrence_count),
    PRIMARY KEY (signature_format, signature_hash, language, category, detection_method)
) WITHOUT ROWID;

-- The signatures of format 1, with the labels that most of their events have; of equally many, the first in the alphabet.
-- Written so that SQLite reads it in the order of the signatures, from any of them on, without sorting or grouping.
CREATE VIEW pattern_signatures AS
SELECT
    one.signature_hash AS signature_hash,
    (
        SELECT category FROM signature_counts
        WHERE signature_format = 1 AND signature_hash = one.signature_hash
        GROUP BY category ORDER BY sum(occurrence_count) DESC, category LIMIT 1
    ) AS category,
    (
        SELECT detection_method FROM signature_counts
        WHERE signature_format = 1 AND signature_hash = one.signature_hash
        GROUP BY detection_method ORDER BY sum(occurrence_count) DESC, detection_method LIMIT 1
    ) AS detection_method,
    (
        SELECT language FROM signature_counts
        WHERE signature_format = 1 AND signature_hash = one.signature_hash
        GROUP BY language ORDER BY sum(occurrence_count) DESC, language LIMIT 1
    ) AS language,
    (
        SELECT min(first_seen) FROM signature_counts WHERE signature_format = 1 AND signature_hash = one.signature_hash
    ) AS first_seen,
    (
        SELECT max(last_seen) FROM signature_counts WHERE signature_format = 1 AND signature_hash = one.signature_hash
    ) AS last_seen,
    (
        SELECT sum(occurrence_count) FROM signature_counts
        WHERE signature_format = 1 AND signature_hash = one.signature_hash
    ) AS occurrence_count,
    (
        SELECT sum(confidence_millionths) / 1e6 / sum(occurrence_count) FROM signature_counts
        WHERE signature_format = 1 AND signature_hash = one.signature_hash
    ) AS avg_confidence,
    (
        SELECT sum(locations) * 1.0 / sum(occurrence_count) FROM signature_counts
        WHERE signature_format = 1 AND signature_hash = one.signature_hash
    ) AS avg_location_count,
    (
        SELECT sum(outliers) * 1.0 / sum(occurrence_count) FROM signature_counts
        WHERE signature_format = 1 AND signature_hash = one.signature_hash
    ) AS avg_outlier_count
FROM signature_counts AS one
WHERE
    one.signature_format = 1
    AND NOT EXISTS (
        SELECT 1 FROM signature_counts AS before
        WHERE
            before.signature_format = 1
            AND before.signature_hash = one.signature_hash
            AND (before.language, before.category, before.detection_method)
                < (one.language, one.category, one.detection_method)
    );
