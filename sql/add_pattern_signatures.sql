-- The row of values is repeated; those beyond the last are null.
INSERT INTO pattern_signatures (
    signature_hash, occurrence_count, confidence_millionths, locations, outliers, first_seen, last_seen,
    latest_day, latest_id, category, detection_method, language
)
SELECT *
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))
WHERE column1 IS NOT NULL
ON CONFLICT (signature_hash) DO UPDATE SET
    occurrence_count = occurrence_count + excluded.occurrence_count,
    confidence_millionths = confidence_millionths + excluded.confidence_millionths,
    locations = locations + excluded.locations,
    outliers = outliers + excluded.outliers,
    first_seen = min(first_seen, excluded.first_seen),
    last_seen = max(last_seen, excluded.last_seen),
    category = iif((excluded.latest_day, excluded.latest_id) > (latest_day, latest_id), excluded.category, category),
    detection_method = iif(
        (excluded.latest_day, excluded.latest_id) > (latest_day, latest_id), excluded.detection_method, detection_method
    ),
    language = iif((excluded.latest_day, excluded.latest_id) > (latest_day, latest_id), excluded.language, language),
    latest_id = iif((excluded.latest_day, excluded.latest_id) > (latest_day, latest_id), excluded.latest_id, latest_id),
    latest_day = max(latest_day, excluded.latest_day)
