"""What the drivers of all hosts can do beyond what all must."""

from __future__ import annotations

from network.models import Agent


def offered(capability: str) -> bool:
    """Tell whether every host can do it; so it is while no host has said what it can."""
    able = Agent.objects.values_list("capabilities", flat=True)
    return all(capability in one for one in able)
