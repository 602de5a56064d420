"""The network agent of one host of the lab: does what is asked over a Unix socket, a line of JSON each."""

from __future__ import annotations

import json
import os
import socketserver
import sys
from pathlib import Path
from typing import Any

from network.agent import NetworkAgent
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.ovn import OvnDriver
from network.drivers.ovn.driver import OvnConfig
from network.objects import PortRef, PortWiring
from network.trace.objects import PathQuestion


def answer(agent: NetworkAgent, asked: dict[str, Any]) -> Any:
    """Do one thing; return what a test compares."""
    if asked["do"] == "plug":
        return agent.plug(PortWiring.load(asked["port"])).up
    if asked["do"] == "unplug":
        return agent.unplug(PortRef.load(asked["port"]))
    if asked["do"] == "observe":
        return agent.observe(PathQuestion.load(asked["question"])).dump()
    if asked["do"] == "repair":
        return agent.repair()
    found = agent.inventory()
    return {
        "ports": {port.id: port.up for port in found.ports},
        "networks": list(found.networks),
        "problems": list(found.problems),
    }


def main() -> None:
    """Serve until killed."""
    home, host = Path(sys.argv[1]), sys.argv[2]
    config = BridgeConfig(metadata_url=os.environ["METADATA_URL"], host_key=home / "host.key")
    ovn = OvnConfig(offloads=False, patience=10)
    driver = OvnDriver(home / "state", host, config=config, ovn=ovn)
    agent = NetworkAgent(driver, home / "agent")
    agent.init_host()  # ovn-controller may be starting yet

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            said = json.dumps(answer(agent, json.loads(self.rfile.readline())))
            self.wfile.write(f"{said}\n".encode())

    with socketserver.UnixStreamServer(str(home / "agent.sock"), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
