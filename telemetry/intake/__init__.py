"""Accepting batches: recognise duplicates, append in groups, keep the ledger, and recover at a start."""
