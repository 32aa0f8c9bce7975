-- ?1: the first day a row may have been updated, ?2: the last, ?3: the most rows, then the key of the row before.
SELECT category, action, confidence_bucket, count, avg_hours_to_decision, updated_at
FROM action_aggregates
WHERE (category, action, confidence_bucket) > (?4, ?5, ?6) AND substr(updated_at, 1, 10) BETWEEN ?1 AND ?2
ORDER BY category, action, confidence_bucket
LIMIT ?3
