"""Power by Redfish (DMTF DSP0266): the HTTPS of today's management controllers, spoken through httpx."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urljoin

import httpx

from compute.fencing.base import FenceDriver, FenceFailed, FenceRefused, Power

#: Seconds for one request: controllers are slow machines.
PATIENCE = 20.0
SYSTEMS = "/redfish/v1/Systems"
#: What a PowerState says; a machine on its way off is not off.
STATES: dict[str, Power] = {"On": "on", "Off": "off", "PoweringOn": "on", "PoweringOff": "on"}
OFF, ON = ("ForceOff",), ("On", "ForceOn")


class RedfishFence(FenceDriver):
    """A machine by its Redfish service; ``machine`` is its id there, where the service has several."""

    def power(self) -> Power:
        """Return its PowerState."""
        with self._client() as client:
            return self._power(self._system(client))

    def off(self) -> None:
        """Reset with ForceOff."""
        self._reset(OFF, unless="off")

    def on(self) -> None:
        """Reset with On."""
        self._reset(ON, unless="on")

    def _reset(self, wanted: tuple[str, ...], *, unless: Power) -> None:
        with self._client() as client:
            system = self._system(client)
            if self._power(system) == unless:
                return
            action = system.get("Actions", {}).get("#ComputerSystem.Reset", {})
            allowed = action.get("ResetType@Redfish.AllowableValues", wanted)
            kind = next((one for one in wanted if one in allowed), None)
            if kind is None or not isinstance(action.get("target"), str):
                raise FenceRefused(
                    f"The Redfish service of {self.place.host} offers no {wanted[0]}."
                )
            self._asked(client, "POST", action["target"], {"ResetType": kind})

    def _power(self, system: dict[str, Any]) -> Power:
        return STATES.get(str(system.get("PowerState")), "unknown")

    def _system(self, client: httpx.Client) -> dict[str, Any]:
        """Return the machine that is meant; raise FenceRefused where that is not clear."""
        found = self._asked(client, "GET", SYSTEMS)
        ids = [str(one.get("@odata.id", "")) for one in found.get("Members", [])]
        if self.place.machine:
            ids = [one for one in ids if one.rstrip("/").rsplit("/", 1)[-1] == self.place.machine]
        if len(ids) != 1:
            raise FenceRefused(
                f"The Redfish service of {self.place.host} has {len(ids)} such machines; "
                "say in its fence settings which one it is."
            )
        return self._asked(client, "GET", ids[0])

    def _asked(
        self, client: httpx.Client, method: str, path: str, body: dict[str, str] | None = None
    ) -> dict[str, Any]:
        # what a service names lies on the service itself: no other host is asked with its password
        url = urljoin(self._base(), httpx.URL(path).raw_path.decode())
        try:
            response = client.request(method, url, json=body)
            if response.status_code in (401, 403):
                raise FenceRefused(f"The Redfish service of {self.place.host} refuses its user.")
            response.raise_for_status()
            found = response.json() if response.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise FenceFailed(detail=f"{method} {path}: {error!r}"[:2000]) from error
        if not isinstance(found, dict):
            raise FenceFailed(detail=f"{method} {path}: no object")
        return found

    def _base(self) -> str:
        address = self.place.address
        return address if "://" in address else f"https://{address}"

    def _client(self) -> httpx.Client:
        place = self.place
        try:
            trust = ssl.create_default_context(cadata=place.ca or None) if place.verify else False
        except (ssl.SSLError, ValueError) as error:
            raise FenceRefused("The fence settings' certificates cannot be read.") from error
        user = (place.user, place.password) if place.user else None
        return httpx.Client(auth=user, verify=trust, timeout=PATIENCE, trust_env=False)
