SELECT day, node_id, count()
FROM (SELECT day, node_id, id FROM {events} FINAL WHERE day IN ({days}))
GROUP BY day, node_id
