UPDATE published_windows
SET state = 'published', digest = ?4, ledger = ?5
WHERE period = ?1 AND window_start = ?2 AND generation = ?3
