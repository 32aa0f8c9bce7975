"""HTTP: listening, routing, reading bodies and answering."""
