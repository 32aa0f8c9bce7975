"""Data sets: the exports that the operator has put into a folder, with their cards and downloads."""
