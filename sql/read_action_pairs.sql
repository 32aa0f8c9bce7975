SELECT DISTINCT category, action FROM action_aggregates
