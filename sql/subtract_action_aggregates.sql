UPDATE main.action_aggregates
SET
    count = action_aggregates.count - counted.count,
    hours = action_aggregates.hours - counted.hours
FROM contribution.action_aggregates AS counted
WHERE
    (counted.category, counted.action, counted.confidence_bucket)
    = (action_aggregates.category, action_aggregates.action, action_aggregates.confidence_bucket)
