-- How many of the decisions were made for many patterns at once. Rows that were counted before begin with none.
ALTER TABLE action_aggregates ADD COLUMN bulk_count INTEGER NOT NULL DEFAULT 0;
