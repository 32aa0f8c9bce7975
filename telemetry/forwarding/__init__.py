"""Forwarding: ships what a node has to a cluster, in a process of its own that reads the files beside the service."""
