-- ?1: rows that were first seen by this day are left out. What no raw event tells any more stays under the labels that were
-- known. When its last event was received is known only if no raw event is as late.
INSERT INTO {table} (
    signature_format, signature_hash, language, category, detection_method, occurrence_count, confidence_millionths,
    locations, outliers, first_seen, last_seen
)
SELECT
    1,
    signature_hash,
    coalesce(nullif(language, ''), 'none'),
    category,
    coalesce(nullif(detection_method, ''), 'none'),
    occurrence_count,
    max(confidence_millionths, 0),
    max(locations, 0),
    max(outliers, 0),
    first_seen,
    iif(
        last_seen <= (
            SELECT max(last_seen)
            FROM signature_counts AS told
            WHERE told.signature_format = 1 AND told.signature_hash = unsorted_signatures.signature_hash
        ),
        first_seen,
        last_seen
    )
FROM unsorted_signatures
WHERE occurrence_count > 0 AND substr(first_seen, 1, 10) > ?1
{or_added}
