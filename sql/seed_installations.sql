-- Before the recount: what no raw event can tell any more, the installations that were first seen on a day of the past.
INSERT INTO main.installations (installation_id, first_seen, last_seen, days_seen)
SELECT installation_id, first_seen, first_seen, 1
FROM current.installations
WHERE first_seen IN (SELECT day FROM past_days)
