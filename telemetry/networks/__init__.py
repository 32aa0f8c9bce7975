"""Network addresses, and the headers in which proxies name their clients."""
