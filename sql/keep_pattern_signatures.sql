-- After the recount. A signature that was seen by the newest day of the past, or by the newest of which some events were
-- forgotten, may include events that are gone: its numbers are kept, unless the raw events alone add up to more.
INSERT INTO main.pattern_signatures (
    signature_hash, occurrence_count, confidence_millionths, locations, outliers, first_seen, last_seen,
    latest_day, latest_id, category, detection_method, language
)
SELECT
    signature_hash, occurrence_count, confidence_millionths, locations, outliers, first_seen, last_seen,
    latest_day, latest_id, category, detection_method, language
FROM current.pattern_signatures
WHERE
    substr(first_seen, 1, 10) <= (
        SELECT max(day) FROM (SELECT day FROM past_days UNION ALL SELECT date FROM current.removed_stats)
    )
ON CONFLICT (signature_hash) DO UPDATE SET
    confidence_millionths = iif(
        excluded.occurrence_count >= occurrence_count, excluded.confidence_millionths, confidence_millionths
    ),
    locations = iif(excluded.occurrence_count >= occurrence_count, excluded.locations, locations),
    outliers = iif(excluded.occurrence_count >= occurrence_count, excluded.outliers, outliers),
    occurrence_count = max(occurrence_count, excluded.occurrence_count),
    first_seen = min(first_seen, excluded.first_seen),
    last_seen = max(last_seen, excluded.last_seen),
    category = iif((excluded.latest_day, excluded.latest_id) > (latest_day, latest_id), excluded.category, category),
    detection_method = iif(
        (excluded.latest_day, excluded.latest_id) > (latest_day, latest_id), excluded.detection_method, detection_method
    ),
    language = iif((excluded.latest_day, excluded.latest_id) > (latest_day, latest_id), excluded.language, language),
    latest_id = iif((excluded.latest_day, excluded.latest_id) > (latest_day, latest_id), excluded.latest_id, latest_id),
    latest_day = max(latest_day, excluded.latest_day)
