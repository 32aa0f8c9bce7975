-- The row of values is repeated; those beyond the last are null.
SELECT {labelled_by}, id
FROM {labels_table}
WHERE ({labelled_by}) IN (VALUES ({marks_of_labels}))
