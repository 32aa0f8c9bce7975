DELETE FROM main.action_aggregates
WHERE
    count <= 0
    AND (category, action, confidence_bucket)
    IN (SELECT category, action, confidence_bucket FROM contribution.action_aggregates)
