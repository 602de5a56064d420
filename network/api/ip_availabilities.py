"""/network-ip-availabilities."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.exceptions import InvalidInput
from network.api.resource import CONTROLS, NounViewSet
from network.api.serializers.ip_availabilities import IP_AVAILABILITY
from network.manager import IpAvailabilityManager
from network.manager.ip_availability import VERSIONS


class IpAvailabilityViewSet(NounViewSet):
    """How many addresses networks have, and how many are taken."""

    manager = IpAvailabilityManager
    resource = IP_AVAILABILITY
    controls = (*CONTROLS, "ip_version")

    def list(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return the caller's networks; ``ip_version`` counts the subnets of that version alone."""
        return self.page_of(partial(self._manager().list, versions=self._versions()))

    def _versions(self) -> set[int]:
        said = self.request.query_params.getlist("ip_version")
        for text in said:
            if text not in ("4", "6"):
                raise InvalidInput(field="ip_version", value=text[:64], reason="It is 4 or 6.")
        return {int(text) for text in said} or {*VERSIONS}
