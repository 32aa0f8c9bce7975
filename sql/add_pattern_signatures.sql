-- ?1: [[signature_hash, occurrences, confidence_millionths, locations, outliers, first_seen, last_seen,
--       latest_day, latest_id, category, detection_method, language], ...]
INSERT INTO pattern_signatures (
    signature_hash, occurrence_count, confidence_millionths, locations, outliers, first_seen, last_seen,
    latest_day, latest_id, category, detection_method, language
)
SELECT
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
-- Without the limit the value would be made anew for each of its columns. In order, neighbours share pages.
FROM (SELECT value FROM json_each(?1) LIMIT -1)
WHERE true
ORDER BY value ->> 0
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
