"""dnsmasq for one network: addresses by DHCP, host names by DNS. Pure texts, and a process to keep."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import shlex
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import DriverError
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.linuxbridge import namespaces, texts
from network.drivers.linuxbridge.config import METADATA_ADDRESS
from network.drivers.linuxbridge.gateway import server_address
from network.drivers.linuxbridge.resolvers import resolvers
from network.objects import NetworkWiring, PortWiring, SubnetWiring

LEASE_SECONDS = 86_400
LOG_LIMIT = 1_000_000
SERVER_USERS = ("dnsmasq", "nobody")
_LABEL = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_DOMAIN = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\Z")


class DhcpServer:
    """The dnsmasq of one network, its files in ``directory``.

    It runs in a session of its own, outlives us and is found again by its pid file. A hosts file
    with ``set:`` tags crashes dnsmasq 2.90 at SIGHUP, so there are none in it; and a lease of a port
    that is gone would keep its address from the next one, so only a pure addition is a SIGHUP and
    anything else a restart, which costs milliseconds because leases are not kept.

    It runs as a user without rights (``SERVER_USERS``), who reads the files in ``shared``, writes to
    ``shared/seen`` alone, and sees nothing of what else the host keeps.
    """

    def __init__(self, directory: Path, *, shared: Path) -> None:
        self.directory, self.shared = directory, shared
        self._pid_file = directory / "pid"

    def ensure(
        self,
        network: NetworkWiring,
        ports: Sequence[PortWiring],
        *,
        interface: str,
        namespace: str | None,
    ) -> None:
        """Make the server answer exactly these ports; no subnet with DHCP means no server."""
        served = [subnet for subnet in network.subnets if server_address(subnet)]
        if not served:
            self.stop()
            return
        user = _server_user()
        self._make_directories(user)
        self._keep_milestones({port.mac.lower(): port.id for port in ports})
        hosts = set(host_lines(served, ports))
        before = set(self._told("hosts").splitlines())
        names = texts.written(name_lines(network, ports))
        options = texts.written(option_lines(network, served))
        command = texts.checked(self._command(network, served, interface, user))
        start = "\n".join(command)
        same = options == self._told("options") and start == self._read("command")
        changed = hosts != before or names != self._told("names")
        self._tell("hosts", texts.written(sorted(hosts)), user)
        self._tell("names", names, user)
        self._tell("options", options, user)
        self._tell("milestone", self._script(), user, mode=0o500)
        self._trim_log()
        pid = self.pid()
        if pid is not None and same and before <= hosts:
            if changed:
                os.kill(pid, signal.SIGHUP)
            return
        self._halt()
        try:
            process.run(*namespaces.command(namespace, *command))
        except process.CommandFailed as error:
            missing = shutil.which("dnsmasq") is None
            raise DriverError(
                "dnsmasq is not installed on this host (apt-get install dnsmasq-base)."
                if missing
                else "The host's DHCP server does not start.",
                detail=error.detail,
            ) from error
        self._write("command", start)

    def stop(self) -> None:
        """End the server and drop its files; absent is fine."""
        self._halt()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.shared, ignore_errors=True)

    def pid(self) -> int | None:
        """Return the running server's pid, also when a crash cost us the pid file."""
        pid = process.read_pid(self._pid_file)
        if pid is not None and self._is_ours(pid):
            return pid
        if not self.directory.exists():
            return None
        running = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return next((pid for pid in running if self._is_ours(pid)), None)

    def is_dead(self) -> bool:
        """Tell whether a server was started here and runs no more."""
        return (self.directory / "command").exists() and self.pid() is None

    def milestones(self) -> Iterable[tuple[str, float]]:
        """Return (port id, Unix time) of guests that have got their address."""
        ports = self._ports()
        for seen in sorted((self.shared / "seen").glob("*")):
            if seen.name in ports:
                yield str(ports[seen.name]), seen.lstat().st_mtime

    def forget_milestone(self, port_id: str) -> None:
        """Do not tell it again as long as the port is here."""
        for mac, known in self._ports().items():
            if known == port_id and (self.shared / "seen" / mac).exists():
                (self.shared / "told" / mac).touch()
                (self.shared / "seen" / mac).unlink()

    def _command(
        self,
        network: NetworkWiring,
        served: Sequence[SubnetWiring],
        interface: str,
        user: pwd.struct_passwd,
    ) -> Sequence[str]:
        domain = _domain(network)
        return (
            "dnsmasq",
            "--conf-file=/dev/null",
            "--no-hosts",
            "--no-resolv",
            "--bind-interfaces",
            f"--interface={interface}",
            "--except-interface=lo",
            f"--user={user.pw_name}",
            f"--group={grp.getgrgid(user.pw_gid).gr_name}",
            f"--dhcp-scriptuser={user.pw_name}",
            f"--pid-file={self._pid_file}",
            f"--log-facility={self.directory / 'log'}",
            "--quiet-dhcp",
            "--quiet-dhcp6",
            "--quiet-ra",
            "--leasefile-ro",
            "--dhcp-authoritative",
            f"--dhcp-hostsfile={self.shared / 'hosts'}",
            f"--dhcp-optsfile={self.shared / 'options'}",
            f"--dhcp-script={self.shared / 'milestone'}",
            f"--addn-hosts={self.shared / 'names'}",
            f"--domain={domain}",
            f"--local=/{domain}/",
            "--domain-needed",
            "--bogus-priv",
            *(f"--dhcp-range={text}" for text in range_texts(served)),
            *(["--enable-ra"] if any(subnet.ip_version == 6 for subnet in served) else []),
            *(f"--server={address}" for address in resolvers()),
        )

    def _script(self) -> str:
        """Return what dnsmasq runs at a lease: it leaves a file named by the MAC, once."""
        home = shlex.quote(str(self.shared))
        return (
            "#!/bin/sh\n"
            f'case "$1" in add|old) [ -e {home}/told/"$2" ] || : > {home}/seen/"$2" ;; esac\n'
        )

    def _keep_milestones(self, ports: Mapping[str, str]) -> None:
        for mac, port_id in self._ports().items():
            if ports.get(mac) != port_id:
                (self.shared / "seen" / mac).unlink(missing_ok=True)
                (self.shared / "told" / mac).unlink(missing_ok=True)
        self._write("ports", json.dumps(ports, sort_keys=True))

    def _make_directories(self, user: pwd.struct_passwd) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        for path, mode in (
            (self.shared.parents[1], 0o711),
            (self.shared.parent, 0o711),
            (self.shared, 0o711),
            (self.shared / "told", 0o711),
            (self.shared / "seen", 0o700),
        ):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
        os.chown(self.shared / "seen", user.pw_uid, user.pw_gid)

    def _told(self, name: str) -> str:
        path = self.shared / name
        return path.read_text(errors="replace") if path.exists() else ""

    def _tell(self, name: str, text: str, user: pwd.struct_passwd, *, mode: int = 0o400) -> None:
        if self._told(name) != text:
            write_atomically(self.shared / name, text, mode=mode)
        os.chown(self.shared / name, user.pw_uid, user.pw_gid)

    def _halt(self) -> None:
        pid = self.pid()
        if pid is not None:
            process.stop(pid, exe="dnsmasq")
        self._pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        if not process.is_running(pid, exe="dnsmasq"):
            return False
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"--pid-file={self._pid_file}".encode() in words

    def _trim_log(self) -> None:
        log = self.directory / "log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            os.truncate(log, 0)  # dnsmasq appends

    def _ports(self) -> dict[str, str]:
        """Return the port of each MAC as last told; without it first leases are told once more."""
        return read_record(self.directory / "ports", _texts) or {}

    def _read(self, name: str) -> str:
        path = self.directory / name
        return path.read_text(errors="replace") if path.exists() else ""

    def _write(self, name: str, text: str) -> None:
        if self._read(name) != text:
            write_atomically(self.directory / name, text)


def _texts(kept: Any) -> dict[str, str]:
    if not all(isinstance(text, str) for text in kept.values()):
        raise ValueError("not a port for each MAC")
    return dict(kept)


def range_texts(served: Sequence[SubnetWiring]) -> Sequence[str]:
    """Return the ranges, each with its subnet's tag; static: nobody unknown gets an address."""
    ranges = []
    for number, subnet in enumerate(served):
        network = texts.block(subnet.cidr)
        size = str(network.netmask) if network.version == 4 else str(network.prefixlen)
        ranges.append(f"set:s{number},{network.network_address},static,{size},{LEASE_SECONDS}s")
    return ranges


def host_lines(served: Sequence[SubnetWiring], ports: Sequence[PortWiring]) -> Iterable[str]:
    """Return one line for each address; no tags (see ``DhcpServer``)."""
    subnets = {subnet.id for subnet in served}
    for port in ports:
        name = f",{port.hostname}" if _LABEL.match(port.hostname) else ""
        for address in port.addresses:
            if address.subnet_id in subnets:
                parsed = texts.address(address.ip_address)
                text = f"[{parsed}]" if parsed.version == 6 else str(parsed)
                yield f"{port.mac.lower()},{text}{name}"


def name_lines(network: NetworkWiring, ports: Sequence[PortWiring]) -> Iterable[str]:
    """Return what DNS knows: every port by its host name, and by the name its address gives it."""
    domain = _domain(network)
    for port in sorted(ports, key=lambda port: port.id):
        for address in port.addresses:
            parsed = texts.address(address.ip_address)
            label = port.hostname
            if not _LABEL.match(label):
                label = "host-" + str(parsed).replace(".", "-").replace(":", "-")
            yield f"{parsed} {label}.{domain} {label}"


def option_lines(network: NetworkWiring, served: Sequence[SubnetWiring]) -> Iterable[str]:
    """Return the options of each subnet: router, DNS, MTU and routes (RFC 3442 and its elder 249)."""
    for number, subnet in enumerate(served):
        if subnet.ip_version == 6:
            dns = ",".join(f"[{one}]" for one in _addresses(subnet.dns_nameservers)) or "[::]"
            yield f"tag:s{number},option6:dns-server,{dns}"
            continue
        server = texts.address(server_address(subnet) or "")
        gateway = texts.address(subnet.gateway_ip) if subnet.gateway_ip is not None else None
        far = gateway is not None and gateway not in texts.block(subnet.cidr)
        routes = [f"{gateway}/32,0.0.0.0"] if far else []  # first how to reach it: on this wire
        routes.append(f"{METADATA_ADDRESS}/32,{gateway or server}")
        routes += [
            f"{texts.block(route.destination)},{texts.address(route.nexthop)}"
            for route in subnet.host_routes
        ]
        if gateway is not None:
            routes.append(f"0.0.0.0/0,{gateway}")
            yield f"tag:s{number},option:router,{gateway}"
        else:
            yield f"tag:s{number},option:router"
        servers = ",".join(_addresses(subnet.dns_nameservers)) or server
        yield f"tag:s{number},option:dns-server,{servers}"
        yield f"tag:s{number},option:mtu,{network.mtu}"
        yield f"tag:s{number},option:classless-static-route,{','.join(routes)}"
        yield f"tag:s{number},249,{','.join(routes)}"


def _server_user() -> pwd.struct_passwd:
    """Return whom the servers run as; raise DriverError where the host has none of them."""
    for name in SERVER_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DriverError(f"The host has no user for its DHCP servers: {' or '.join(SERVER_USERS)}.")


def _addresses(found: Iterable[str]) -> Sequence[str]:
    return [str(texts.address(text)) for text in found]


def _domain(network: NetworkWiring) -> str:
    domain = network.dns_domain.strip(".")
    if not _DOMAIN.match(domain):
        raise DriverError("The network's DNS domain is broken.", detail=repr(domain))
    return domain
