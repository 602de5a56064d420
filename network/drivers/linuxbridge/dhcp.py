"""dnsmasq for one network: addresses by DHCP, host names by DNS. A process to keep."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import signal
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.linuxbridge import texts
from network.drivers.linuxbridge.dhcp_lines import (
    announcement_words,
    domain_of,
    option_lines,
    range_texts,
    tag_of,
)
from network.drivers.linuxbridge.dnsmasq import Dnsmasq, server_user
from network.drivers.linuxbridge.gateway import server_address
from network.drivers.linuxbridge.resolvers import resolvers
from network.drivers.linuxbridge.served import ServedPort, holders, lines
from network.objects import NetworkWiring, SubnetWiring

LOG_LIMIT = 1_000_000


class DhcpServer:
    """The dnsmasq of one network, its files in ``directory``.

    It runs in a session of its own, outlives us and is found again by its pid file. A hosts file
    with ``set:`` tags crashes dnsmasq 2.90 at SIGHUP, so there are none in it. It keeps the lease of a
    port that is gone, and with it the address from the next one: when an address or MAC comes again
    that was taken away, it is started anew, which costs milliseconds because leases are not kept. So it is
    when a port comes that has options of its own, whose tag is a word of the command.
    All other changes are lines in its files, and a SIGHUP.

    It runs as a user without rights, who reads the files in ``shared``, writes to
    ``shared/seen`` alone, and sees nothing of what else the host keeps. What it runs at a lease is run by
    a helper of its own, which it does not start again: a server without one counts as dead.
    """

    def __init__(self, directory: Path, *, shared: Path) -> None:
        self.directory, self.shared = directory, shared
        self._process = Dnsmasq(directory)

    def ensure(
        self,
        network: NetworkWiring,
        ports: Collection[ServedPort],
        *,
        interface: str,
        namespace: str | None,
        routes: bool = True,
    ) -> None:
        """Make the server answer exactly these ports; no subnet with DHCP means no server.

        ``routes``: where the server is, there is an IPv6 router too.
        """
        served = served_subnets(network)
        if not served:
            self.stop()
            return
        user = server_user()
        self._make_directories(user)
        self._keep_milestones({port.mac: port.id for port in ports})
        hosts = {line for port in ports for line in port.hosts}
        before = set(self._told("hosts").splitlines())
        names = lines(sorted(line for port in ports for line in port.names))
        own = sorted((port for port in ports if port.options), key=lambda port: port.id)
        options = texts.written(option_lines(network, served))
        options += lines(line for port in own for line in port.options)
        command = texts.checked(
            (
                *self._command(network, served, interface, user, routes=routes),
                *(f"--dhcp-mac=set:{tag_of(port.id)},{port.mac}" for port in own),
            )
        )
        start = "\n".join(command)
        same = options == self._told("options") and start == self._read("command")
        changed = hosts != before or names != self._told("names")
        left = {*self._read("left").splitlines(), *holders(before - hosts)}
        self._write("left", lines(sorted(left)))  # first: it must not be forgotten
        self._tell("hosts", lines(sorted(hosts)), user)
        self._tell("names", names, user)
        self._tell("options", options, user)
        self._tell("milestone", self._script(), user, mode=0o500)
        self._trim_log()
        pid = self.pid()
        comes_again = left & holders(hosts - before)
        if pid is not None and same and not comes_again and _has_helper(pid):
            if changed:
                os.kill(pid, signal.SIGHUP)
            return
        self._process.start(namespace, command)
        self._write("command", start)
        self._write("left", "")

    def stop(self) -> None:
        """End the server and drop its files; absent is fine."""
        self._process.halt()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.shared, ignore_errors=True)

    def pid(self) -> int | None:
        """Return the running server's pid, also when a crash cost us the pid file."""
        return self._process.pid()

    def is_dead(self) -> bool:
        """Tell whether a server was started here and runs no more, or without its helper."""
        if not (self.directory / "command").exists():
            return False
        pid = self.pid()
        return pid is None or not _has_helper(pid)

    def milestones(self) -> Iterable[tuple[str, float]]:
        """Return (port id, Unix time) of guests that have got their address."""
        ports = self._ports()
        for seen in sorted((self.shared / "seen").glob("*")):
            if seen.name in ports:
                yield str(ports[seen.name]), seen.lstat().st_mtime

    def leased_at(self, mac: str) -> float:
        """Return the Unix time at which a guest took its address first; 0 when it has not."""
        for place in ("seen", "told"):
            try:
                return (self.shared / place / mac.lower()).lstat().st_mtime
            except OSError:
                continue
        return 0.0

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
        *,
        routes: bool,
    ) -> Sequence[str]:
        domain = domain_of(network)
        return (
            *self._process.words(user),
            f"--interface={interface}",
            f"--dhcp-scriptuser={user.pw_name}",
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
            *announcement_words(served, {interface: network.mtu}, routes=routes),
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
        if self._told(name) != text or not (self.shared / name).exists():
            write_atomically(self.shared / name, text, mode=mode, synced=False)
        os.chown(self.shared / name, user.pw_uid, user.pw_gid)

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


def served_subnets(network: NetworkWiring) -> Sequence[SubnetWiring]:
    """Return the subnets on which this host answers DHCP and DNS."""
    return [subnet for subnet in network.subnets if server_address(subnet)]


def _has_helper(pid: int) -> bool:
    """Tell whether a server's helper runs; on a kernel that does not list children it is taken to."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return True
    return any(process.is_running(int(child), exe="dnsmasq") for child in children)
