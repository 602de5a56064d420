"""Volumes for operators; every button calls a manager."""

from volume.admin import qos_specs, volume_types  # noqa: F401
