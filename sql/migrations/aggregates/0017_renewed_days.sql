-- How many events of a day were in an older segment that retention removed, if the day has got another one since.
ALTER TABLE segments ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
