-- ?1: a day. How many rows were new on it, and whether it is closed: rows of it, or of a later day, were folded.
SELECT
    coalesce((SELECT new_rows FROM {table}_days WHERE day = ?1), 0),
    EXISTS (SELECT 1 FROM {table}_days WHERE closed AND day >= ?1)
