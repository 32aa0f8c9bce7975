CREATE TABLE IF NOT EXISTS {database}.{table}{everywhere} ({columns})
ENGINE = Distributed({cluster}, {database}, {local}, {shard})
