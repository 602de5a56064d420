"""Volumes for operators; every button calls a manager."""

from volume.admin import backups, pools, qos_specs, volume_types, volumes  # noqa: F401
