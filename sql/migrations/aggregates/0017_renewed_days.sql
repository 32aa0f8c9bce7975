-- How many events of a day went with the segment that retention removed, where the day was reached again and has another.
ALTER TABLE segments ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
