CREATE TABLE IF NOT EXISTS {database}.{local}{everywhere} ({columns})
ENGINE = {engine}
{partition}
ORDER BY ({key})
