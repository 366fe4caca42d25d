"""The picture as SVG, and as one HTML page without any other file."""
