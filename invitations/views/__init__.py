"""Doors of invitations: one module per noun."""
