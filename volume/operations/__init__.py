"""Sagas of volumes."""
