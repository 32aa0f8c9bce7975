"""The ClickHouse cluster: its address, its tables, and a client that sends each request to one of its servers."""
