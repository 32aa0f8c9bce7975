"""Charts and badges: values in, SVG text out; the same values make the same bytes."""
