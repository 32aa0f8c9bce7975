"""Data sets: pages and downloads for the exports that the operator has put into a folder."""
