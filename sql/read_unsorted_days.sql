-- The watermark of a day is that of the upgrade; the last column is how many events were counted and not erased.
SELECT day, sorted, unsorted_days.watermark, unsorted_days.watermark - erased
FROM unsorted_days
JOIN segments USING (day)
ORDER BY day
