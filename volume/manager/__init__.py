"""Managers of volumes, snapshots, pools and attachments."""
