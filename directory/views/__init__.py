"""Doors of directory: one module per noun."""
