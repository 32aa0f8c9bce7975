-- When a decision was last made, as the others' events tell.
UPDATE main.action_aggregates
SET updated_at = others.updated_at
FROM remaining.action_aggregates AS others
WHERE
    (others.category, others.action, others.confidence_bucket)
    = (action_aggregates.category, action_aggregates.action, action_aggregates.confidence_bucket)
    AND (others.category, others.action, others.confidence_bucket)
    IN (SELECT category, action, confidence_bucket FROM contribution.action_aggregates)
