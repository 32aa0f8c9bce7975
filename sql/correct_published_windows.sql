-- What was published of days that had events of an excluded installation is made again, with the next publication.
UPDATE main.published_windows
SET state = 'closing', generation = generation + 1
WHERE state IN ('published', 'closing') AND EXISTS (
    SELECT 1
    FROM contribution.daily_stats
    WHERE date BETWEEN published_windows.window_start AND published_windows.last_day
)
