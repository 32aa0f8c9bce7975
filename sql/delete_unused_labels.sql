DELETE FROM main.{labels_table}
WHERE id NOT IN (SELECT labels FROM main.{stored_table})
