-- ?7: the threshold. Members are kept only while there are fewer.
INSERT INTO nodes (series, parent, label, installations, observations, members)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (series, parent, label) DO UPDATE SET
    installations = nodes.installations + excluded.installations,
    observations = nodes.observations + excluded.observations,
    members = CASE
        WHEN nodes.installations + excluded.installations < ?7
        THEN CAST(nodes.members || excluded.members AS BLOB)
        ELSE x''
    END
