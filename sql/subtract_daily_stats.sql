-- What one installation has added to the days; it was new only on the day it was first seen.
UPDATE main.daily_stats
SET value = daily_stats.value - counted.value
FROM contribution.daily_stats AS counted
WHERE
    counted.date = daily_stats.date
    AND counted.metric = daily_stats.metric
    AND (
        counted.metric != 'new_installations'
        OR EXISTS (
            SELECT 1 FROM contribution.installations AS erased
            JOIN main.installations AS known ON known.installation_id = erased.installation_id
            WHERE known.first_seen = counted.date
        )
    )
