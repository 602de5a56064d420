"""Volumes for operators; every button calls a manager."""

from volume.admin import (  # noqa: F401
    agents,
    attachments,
    backups,
    groups,
    pools,
    qos_specs,
    transfers,
    volume_types,
    volumes,
)
