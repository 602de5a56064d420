"""Copies of guests' disks at one moment, which become images. No database."""
