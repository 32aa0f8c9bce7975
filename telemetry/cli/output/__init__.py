"""Where commands write, and how they show rows, events and charts."""
