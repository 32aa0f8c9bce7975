-- After the recount: an installation that was last seen on a day of the past keeps what is known of it.
INSERT INTO main.installations (installation_id, first_seen, last_seen, days_seen)
SELECT installation_id, first_seen, last_seen, days_seen
FROM current.installations
WHERE last_seen IN (SELECT day FROM past_days)
ON CONFLICT (installation_id) DO UPDATE SET
    last_seen = excluded.last_seen,
    days_seen = excluded.days_seen
WHERE excluded.last_seen > installations.last_seen
