-- Which key the hashed installation ids were made with; NULL until the first start with a key.
ALTER TABLE state ADD COLUMN id_key_fingerprint TEXT;
