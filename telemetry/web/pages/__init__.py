"""HTML pages for people: one layout and style sheet, no script, nothing from another site."""
