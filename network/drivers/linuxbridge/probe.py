"""Can this host do it? Each answer is a sentence that says what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from cloudweb import process
from cloudweb.driver import DriverError
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.config import BridgeConfig

PROGRAMS: Mapping[str, str] = {
    "ip": "iproute2",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "nsenter": "util-linux",
}


def check_host(config: BridgeConfig) -> None:
    """Raise DriverError for the first thing that keeps networks from working here."""
    if os.geteuid() != 0:
        raise DriverError(
            "Networks on this host need root: run as root, or with DRIVERS=fake to simulate."
        )
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise DriverError(
                f"{program} is not installed on this host (apt-get install {package})."
            )
    if not Path("/dev/net/tun").exists():
        raise DriverError(
            "This host has no /dev/net/tun, so guests cannot have network cards (modprobe tun)."
        )
    try:
        process.run("nft", "list", "tables")
    except process.CommandFailed as error:
        raise DriverError(
            "This host's kernel does not let Cloudweb use nftables (in a container: --privileged).",
            detail=error.detail,
        ) from error
    probe = f"{config.table}-probe"
    namespaces.ensure(probe)
    namespaces.delete(probe)
    for sentence in blocking_firewalls(config):
        raise DriverError(sentence)


def blocking_firewalls(config: BridgeConfig) -> Iterable[str]:
    """Return what other firewalls on the host would do to guests' traffic, and how to let it pass.

    A firewall that names our interfaces was told about them, so it is taken to be in order.
    """
    ours = re.compile(rf'"{config.prefix}[boh]?[*+]|-[io] {config.prefix}[boh]?\+')
    listed = json.loads(process.run("nft", "-j", "list", "chains").stdout)["nftables"]
    for chain in (entry["chain"] for entry in listed if "chain" in entry):
        if chain.get("hook") != "forward" or chain["table"].startswith("cloudweb"):
            continue
        table = f"{chain['family']} {chain['table']}"
        firewalld = chain["table"] == "firewalld"
        if chain.get("policy") != "drop" and not firewalld:
            continue
        text = process.run("nft", "list", "table", chain["family"], chain["table"]).text
        if ours.search(text):
            continue
        if firewalld:
            yield (
                "firewalld on this host drops what guests send. Let Cloudweb's interfaces pass: "
                f"firewall-cmd --permanent --zone=trusted --add-interface={config.prefix}+ && "
                "firewall-cmd --reload."
            )
        elif chain["family"] in ("ip", "inet"):
            yield _dropped(f"table {table}, chain {chain['name']}", config, "iptables")
        elif chain["family"] == "ip6":
            yield _dropped(f"table {table}, chain {chain['name']}", config, "ip6tables")
    if shutil.which("iptables-legacy"):
        legacy = process.run("iptables-legacy", "-S", "FORWARD", check=False).text
        if "-P FORWARD DROP" in legacy and not ours.search(legacy):
            yield _dropped("iptables-legacy, chain FORWARD", config, "iptables-legacy")


def _dropped(where: str, config: BridgeConfig, command: str) -> str:
    return (
        f"A firewall on this host drops forwarded packets ({where}; Docker sets this), so guests could "
        f"reach nothing. Let Cloudweb's interfaces pass: {command} -I FORWARD -i {config.prefix}+ -j "
        f"ACCEPT && {command} -I FORWARD -o {config.prefix}+ -j ACCEPT."
    )
