"""Volumes for operators; every button calls a manager."""
