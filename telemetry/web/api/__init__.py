"""The read API: what is published, as JSON and CSV, with a description that is made from the handlers' declarations."""
