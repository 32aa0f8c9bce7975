-- Gives a number to every combination of labels that has none. The row of values is repeated; those beyond the last are null.
INSERT INTO {labels_table} ({labelled_by})
SELECT *
FROM (VALUES ({marks_of_labels}))
WHERE column1 IS NOT NULL
ON CONFLICT DO NOTHING
