-- The row of values is repeated; those beyond the last are null.
SELECT {labelled_by}, id
FROM (VALUES ({marks_of_labels})) AS sent
CROSS JOIN {labels_table} ON {is_labelled}
