"""Management controllers that exist nowhere: Redfish over HTTPS, and an ``ipmitool`` that talks to nobody."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.builders.web import certificate, web_server

USER, PASSWORD = "operator", "pass word"
_LOGIN = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
IPMITOOL = """#!/bin/sh
echo "$@" >>{log}
[ "$IPMI_PASSWORD" = "{password}" ] || {{ echo "Error: Unable to establish IPMI v2" >&2; exit 1; }}
for word in "$@"; do last="$word"; done
case "$last" in
  status) echo "Chassis Power is $(cat {state})";;
  *) echo "$last" >{state}; echo "Chassis Power Control: $last";;
esac
"""


@dataclass
class RedfishService:
    """The subset of DSP0266 that a power control needs; ``powers`` by the machine's id.

    ``switch`` is called with a machine and what it shall be (Off, On), before it says that it is so.
    """

    powers: dict[str, str]
    switch: Callable[[str, str], None] = lambda machine, power: None
    offers: tuple[str, ...] = ("On", "ForceOff", "ForceRestart")
    resets: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""
    ca: str = ""

    def answer(self, connection: socket.socket, head: str) -> None:
        """Answer one request."""
        line, *lines = head.split("\r\n")
        method, path, _ = line.split(" ")
        headers = dict(one.split(": ", 1) for one in lines if ": " in one)
        lower = {name.lower(): value for name, value in headers.items()}
        body = head.partition("\r\n\r\n")[2].encode()
        while len(body) < int(lower.get("content-length", 0)):
            body += connection.recv(4096)
        status, found = self._found(method, path, lower.get("authorization", ""), body)
        said = json.dumps(found).encode() if found is not None else b""
        connection.sendall(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n".encode()
            + said
        )

    def _found(self, method: str, path: str, login: str, body: bytes) -> tuple[str, Any]:
        if login != _LOGIN:
            return "401 Unauthorized", {"error": {}}
        parts = path.strip("/").split("/")[2:]
        if parts == ["Systems"]:
            members = [{"@odata.id": f"/redfish/v1/Systems/{one}"} for one in self.powers]
            return "200 OK", {"Members": members}
        if method == "GET" and len(parts) == 2 and parts[1] in self.powers:
            action = {
                "target": f"{path}/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": list(self.offers),
            }
            found = {"PowerState": self.powers[parts[1]]}
            return "200 OK", {**found, "Actions": {"#ComputerSystem.Reset": action}}
        if method == "POST" and parts[2:] == ["Actions", "ComputerSystem.Reset"]:
            kind = json.loads(body)["ResetType"]
            self.resets.append((parts[1], kind))
            power = "Off" if kind == "ForceOff" else "On"
            self.switch(parts[1], power)
            self.powers[parts[1]] = power
            return "204 No Content", None
        return "404 Not Found", {}


@contextmanager
def redfish(directory: Path, **powers: str) -> Iterator[RedfishService]:
    """Run a service."""
    file, context = certificate(directory, "localhost")
    made = RedfishService(powers or {"1": "On"})
    with web_server(made.answer, context=context) as server:
        made.address = f"https://localhost:{server.port}"
        made.ca = file.read_text().partition("-----BEGIN PRIVATE")[0]
        yield made


def ipmitool(directory: Path) -> Path:
    """Write a program of this name; return the file that says whether its machine is on."""
    state, program = directory / "power", directory / "ipmitool"
    state.write_text("on\n")
    words = IPMITOOL.format(log=directory / "asked", password=PASSWORD, state=state)
    program.write_text(words)
    program.chmod(0o755)
    return state
