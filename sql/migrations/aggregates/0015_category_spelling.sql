-- Version 2 of the tool spells the category `data-access` as `data_access`. What older programs have counted under
-- either is one category.
INSERT INTO daily_stats (date, metric, value)
SELECT date, 'category:data-access', value FROM daily_stats WHERE metric = 'category:data_access'
ON CONFLICT (date, metric) DO UPDATE SET value = value + excluded.value;
DELETE FROM daily_stats WHERE metric = 'category:data_access';

INSERT INTO imported_stats (date, metric, value)
SELECT date, 'category:data-access', value FROM imported_stats WHERE metric = 'category:data_access'
ON CONFLICT (date, metric) DO UPDATE SET value = value + excluded.value;
DELETE FROM imported_stats WHERE metric = 'category:data_access';

INSERT INTO removed_stats (date, metric, value)
SELECT date, 'category:data-access', value FROM removed_stats WHERE metric = 'category:data_access'
ON CONFLICT (date, metric) DO UPDATE SET value = value + excluded.value;
DELETE FROM removed_stats WHERE metric = 'category:data_access';

INSERT INTO signature_counts (
    signature_format, signature_hash, language, category, detection_method, occurrence_count, confidence_millionths,
    locations, outliers, first_seen, last_seen, sent_by
)
SELECT
    signature_format, signature_hash, language, 'data-access', detection_method, occurrence_count,
    confidence_millionths, locations, outliers, first_seen, last_seen, sent_by
FROM signature_counts
WHERE category = 'data_access'
ON CONFLICT (signature_format, signature_hash, language, category, detection_method) DO UPDATE SET
    occurrence_count = occurrence_count + excluded.occurrence_count,
    confidence_millionths = confidence_millionths + excluded.confidence_millionths,
    locations = locations + excluded.locations,
    outliers = outliers + excluded.outliers,
    first_seen = min(first_seen, excluded.first_seen),
    last_seen = max(last_seen, excluded.last_seen),
    sent_by = CASE
        WHEN sent_by = '' THEN excluded.sent_by
        WHEN excluded.sent_by IN ('', sent_by) THEN sent_by
        ELSE '*'
    END;
DELETE FROM signature_counts WHERE category = 'data_access';

INSERT INTO removed_signature_counts (
    signature_format, signature_hash, language, category, detection_method, occurrence_count, confidence_millionths,
    locations, outliers, first_seen, last_seen
)
SELECT
    signature_format, signature_hash, language, 'data-access', detection_method, occurrence_count,
    confidence_millionths, locations, outliers, first_seen, last_seen
FROM removed_signature_counts
WHERE category = 'data_access'
ON CONFLICT (signature_format, signature_hash, language, category, detection_method) DO UPDATE SET
    occurrence_count = occurrence_count + excluded.occurrence_count,
    confidence_millionths = confidence_millionths + excluded.confidence_millionths,
    locations = locations + excluded.locations,
    outliers = outliers + excluded.outliers,
    first_seen = min(first_seen, excluded.first_seen),
    last_seen = max(last_seen, excluded.last_seen);
DELETE FROM removed_signature_counts WHERE category = 'data_access';

INSERT INTO action_aggregates (category, action, confidence_bucket, count, hours, updated_at, bulk_count)
SELECT 'data-access', action, confidence_bucket, count, hours, updated_at, bulk_count
FROM action_aggregates
WHERE category = 'data_access'
ON CONFLICT (category, action, confidence_bucket) DO UPDATE SET
    count = count + excluded.count,
    hours = hours + excluded.hours,
    updated_at = max(updated_at, excluded.updated_at),
    bulk_count = bulk_count + excluded.bulk_count;
DELETE FROM action_aggregates WHERE category = 'data_access';

INSERT INTO removed_action_aggregates (category, action, confidence_bucket, count, hours, updated_at, bulk_count)
SELECT 'data-access', action, confidence_bucket, count, hours, updated_at, bulk_count
FROM removed_action_aggregates
WHERE category = 'data_access'
ON CONFLICT (category, action, confidence_bucket) DO UPDATE SET
    count = count + excluded.count,
    hours = hours + excluded.hours,
    updated_at = max(updated_at, excluded.updated_at),
    bulk_count = bulk_count + excluded.bulk_count;
DELETE FROM removed_action_aggregates WHERE category = 'data_access';

INSERT INTO unsorted_actions (category, action, confidence_bucket, count, hours, updated_at, bulk_count)
SELECT 'data-access', action, confidence_bucket, count, hours, updated_at, bulk_count
FROM unsorted_actions
WHERE category = 'data_access'
ON CONFLICT (category, action, confidence_bucket) DO UPDATE SET
    count = count + excluded.count,
    hours = hours + excluded.hours,
    updated_at = max(updated_at, excluded.updated_at),
    bulk_count = bulk_count + excluded.bulk_count;
DELETE FROM unsorted_actions WHERE category = 'data_access';

UPDATE unsorted_signatures SET category = 'data-access' WHERE category = 'data_access';
