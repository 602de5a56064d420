"""A tenant of the REST API, as thin as can be, so that what is measured is the cloud."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import httpx

VERSION = "2.96"


class Client:
    """One tenant's connection, thread-safe; paths begin with the service's name."""

    def __init__(self, url: str, clouds_yaml: Path, cloud: str = "cloudweb") -> None:
        self._http = httpx.Client(base_url=url, timeout=120)
        self._http.headers["OpenStack-API-Version"] = f"compute {VERSION}"
        section = re.search(rf"^  {cloud}:\n((?:    .*\n)+)", clouds_yaml.read_text(), re.MULTILINE)
        assert section is not None
        known = dict(re.findall(r'^ +(\w+): "?([^"\n]*)"?$', section[1], re.MULTILINE))
        domain = {"id": "default"}
        user = {"name": known["username"], "password": known["password"], "domain": domain}
        answer = self._http.post(
            "/identity/v3/auth/tokens",
            json={
                "auth": {
                    "identity": {"methods": ["password"], "password": {"user": user}},
                    "scope": {"project": {"name": known["project_name"], "domain": domain}},
                }
            },
        )
        answer.raise_for_status()
        self.token = answer.headers["X-Subject-Token"]
        self._http.headers["X-Auth-Token"] = self.token
        self.project_id = answer.json()["token"]["project"]["id"]

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a GET."""
        answer = self._http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON of a POST."""
        answer = self._http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def delete(self, path: str) -> None:
        """DELETE; raise for an error."""
        self._http.delete(path).raise_for_status()

    def create_server(self, name: str, *, flavor: str, image: str, network: str) -> str:
        """POST /servers; return the id once the cloud accepted it."""
        server = {
            "name": name,
            "flavorRef": flavor,
            "imageRef": image,
            "networks": [{"uuid": network}],
        }
        answer = self._http.post("/compute/v2.1/servers", json={"server": server})
        if answer.status_code != 202:
            raise RuntimeError(f"POST /servers: {answer.status_code} {answer.text}")
        return str(answer.json()["server"]["id"])

    def wait_active(self, server_id: str, *, every: float = 0.1, timeout: float = 120) -> None:
        """Poll until the server is ACTIVE; raise RuntimeError when it is ERROR or late."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            server = self.get(f"/compute/v2.1/servers/{server_id}")["server"]
            if server["status"] == "ACTIVE":
                return
            if server["status"] == "ERROR":
                raise RuntimeError(f"server {server_id}: {server.get('fault')}")
            time.sleep(every)
        raise RuntimeError(f"server {server_id} is not ACTIVE after {timeout} s")

    def delete_server(self, server_id: str) -> None:
        """DELETE /servers/{id}."""
        answer = self._http.delete(f"/compute/v2.1/servers/{server_id}")
        if answer.status_code not in (204, 404):
            raise RuntimeError(f"DELETE: {answer.status_code} {answer.text}")

    def wait_gone(self, server_id: str, *, every: float = 0.1, timeout: float = 120) -> None:
        """Poll until the server is a 404."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            answer = self._http.get(f"/compute/v2.1/servers/{server_id}")
            if answer.status_code == 404:
                return
            time.sleep(every)
        raise RuntimeError(f"server {server_id} is still there after {timeout} s")

    def create_network(self, name: str, cidr: str) -> str:
        """Create a network with one subnet; return its id."""
        answer = self._http.post("/network/v2.0/networks", json={"network": {"name": name}})
        answer.raise_for_status()
        network_id = str(answer.json()["network"]["id"])
        subnet = {"network_id": network_id, "ip_version": 4, "cidr": cidr}
        self._http.post("/network/v2.0/subnets", json={"subnet": subnet}).raise_for_status()
        return network_id

    def create_ports(self, network: str, count: int) -> None:
        """Create ports of a network in one request."""
        ports = [{"network_id": network} for _ in range(count)]
        self._http.post("/network/v2.0/ports", json={"ports": ports}).raise_for_status()

    def upload_image(self, name: str, content: bytes) -> str:
        """Create a raw image and upload its bytes; return its id once it is active."""
        fields = {"name": name, "disk_format": "raw", "container_format": "bare", "min_disk": 0}
        answer = self._http.post("/image/v2/images", json=fields)
        answer.raise_for_status()
        image_id = answer.json()["id"]
        self._http.put(
            f"/image/v2/images/{image_id}/file",
            content=content,
            headers={"Content-Type": "application/octet-stream"},
        ).raise_for_status()
        return str(image_id)
