"""Volumes for operators; every button calls a manager."""

from volume.admin import agents, backups, groups, pools, qos_specs, transfers, volume_types, volumes  # noqa: F401
