"""The data set: pattern signatures of published windows as files to train models with, and their description."""
