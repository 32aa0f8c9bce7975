-- `sealed_at` and `rows` are set while the file is immutable. `retired_at` is set once retention removes the file; the row
-- stays, so that ids continue above its watermark should the day be reached again.
ALTER TABLE segments ADD COLUMN rows INTEGER;
ALTER TABLE segments ADD COLUMN sealed_at TEXT;
ALTER TABLE segments ADD COLUMN retired_at TEXT;
