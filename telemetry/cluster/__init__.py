"""The cluster: its address, its tables, and a client that reaches one of its servers."""
