"""Agents: what the network agent of each host last said about it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models


class Agent(models.Model):
    """A host's network agent. Whether it is up is its service's to say (``operations.services``).

    ``capabilities`` are what its driver does beyond what all must. ``problems`` are sentences, one for
    each network that could not be brought back; ``strays`` are taps (``PortStatus``) that no record on
    the host explains, shown and never removed by themselves.
    ``network_types`` it can join other hosts by: VXLAN at its ``tunnel_address``, VLANs and flat
    networks on ``physical_networks``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=63, unique=True)
    driver = models.CharField(max_length=64, blank=True, default="")
    networks = models.PositiveIntegerField(default=0)
    ports = models.PositiveIntegerField(default=0)
    problems: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    strays: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list, blank=True
    )
    tunnel_address = models.CharField(max_length=45, blank=True, default="")
    physical_networks: models.JSONField[list[str], list[str]] = models.JSONField(
        default=list, blank=True
    )
    network_types: models.JSONField[list[str], list[str]] = models.JSONField(
        default=list, blank=True
    )
    capabilities: models.JSONField[list[str], list[str]] = models.JSONField(
        default=list, blank=True
    )
    takes_routers = models.BooleanField(default=True, help_text="whether routers may be here")
    description = models.CharField(
        max_length=255, blank=True, default="", help_text="what operators say of it"
    )
    created_at = models.DateTimeField()
    reported_at = models.DateTimeField(help_text="when it last said what is on the host")

    class Meta:
        ordering = ("host",)

    def __str__(self) -> str:
        return self.host
