INSERT INTO amounts (series, parent, label, amount, value, installations)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (series, parent, label, amount) DO UPDATE SET
    value = amounts.value + excluded.value,
    installations = amounts.installations + excluded.installations
