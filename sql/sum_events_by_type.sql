-- ?1: the days as a JSON array. Each is a search of its own: only the events are read, however many labels there are.
SELECT stats.metric, sum(stats.value) AS total
FROM json_each(?1) AS days
CROSS JOIN daily_stats AS stats
    ON stats.date = days.value AND stats.metric >= 'events:' AND stats.metric < 'events;'
GROUP BY stats.metric
ORDER BY total DESC, stats.metric
