"""The data set: pattern signatures of published windows as files that train models, and what describes them."""
