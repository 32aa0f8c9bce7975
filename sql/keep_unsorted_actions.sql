-- ?1: the newest day that is not past and could not be read. What no raw event tells was forgotten, or is past.
INSERT INTO removed_action_aggregates (category, action, confidence_bucket, count, hours, updated_at, bulk_count)
SELECT category, action, confidence_bucket, count, hours, updated_at, max(bulk_count, 0)
FROM unsorted_actions
WHERE count > 0 AND ?1 = ''
