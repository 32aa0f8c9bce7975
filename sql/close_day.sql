-- ?1: a day on which something was folded.
INSERT INTO {table}_days (day, closed)
VALUES (?1, 1)
ON CONFLICT (day) DO UPDATE SET closed = 1
