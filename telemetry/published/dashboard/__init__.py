"""What the dashboard says: published numbers in; sentences, figures and rows of sections out. It draws nothing."""
