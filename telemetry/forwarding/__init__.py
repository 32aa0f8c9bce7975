"""Forwarding: ships events and aggregates to a cluster, in a process that reads the files beside the service."""
