"""HTTP: routes, handlers and answers."""
