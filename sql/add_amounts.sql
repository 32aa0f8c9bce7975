INSERT INTO amounts (series, parent, label, flush, sums)
VALUES (?, ?, ?, ?, ?)
