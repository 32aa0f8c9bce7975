DELETE FROM main.{stored_table}
WHERE labels NOT IN (SELECT id FROM main.{labels_table})
