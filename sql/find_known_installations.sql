-- ?1: ids as a JSON array, ?2: today. Those that were first seen on another day; a clock that jumps changes the day.
SELECT installation_id
FROM installations
WHERE installation_id IN (SELECT value FROM json_each(?1)) AND first_seen != ?2
