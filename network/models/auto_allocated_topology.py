"""The network that a project got without asking for its parts."""

from __future__ import annotations

from django.db import models

from network.models.network import Network
from network.models.router import Router


class AutoAllocatedTopology(models.Model):
    """A project's network with a way outside; each project has one at most."""

    project_id = models.CharField(max_length=64, primary_key=True)
    network = models.OneToOneField(Network, on_delete=models.CASCADE, related_name="topology")
    router = models.OneToOneField(Router, on_delete=models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"topology of {self.project_id}"
