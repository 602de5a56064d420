"""Databases on the wire (contract 7)."""
