-- The row of values is repeated; those beyond the last are null.
INSERT INTO {table} ({columns})
SELECT *
FROM (VALUES ({marks}))
WHERE column1 IS NOT NULL
{or_added}
