-- What forgotten events have added, day by day, for recounts to add. `contribution` was counted from them alone; an
-- installation that was first seen on another day was new on that one.
INSERT INTO main.removed_stats (date, metric, value)
SELECT date, metric, value
FROM contribution.daily_stats AS counted
WHERE
    value != 0
    AND (
        metric != 'new_installations'
        OR EXISTS (
            SELECT 1 FROM contribution.installations AS erased
            JOIN main.installations AS known ON known.installation_id = erased.installation_id
            WHERE known.first_seen = counted.date
        )
    )
ON CONFLICT (date, metric) DO UPDATE SET value = removed_stats.value + excluded.value
