"""Volumes for operators; every button calls a manager."""

from volume.admin import backups, groups, pools, qos_specs, transfers, volume_types, volumes  # noqa: F401
