INSERT INTO amounts (series, parent, label, sums)
VALUES (?, ?, ?, ?)
