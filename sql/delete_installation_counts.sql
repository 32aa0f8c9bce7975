-- Runs before sql/recount_installations.sql. ?1: the day.
DELETE FROM daily_stats
WHERE date = ?1 AND metric IN ('unique_installations', 'new_installations')
