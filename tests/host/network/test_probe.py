"""What a host lacks is said in a sentence that says what to do."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence

import pytest

from cloudweb import process
from cloudweb.driver import DriverError
from network.drivers.linuxbridge import namespaces, nft
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.probe import blocking_firewalls, check_host

pytestmark = pytest.mark.host
CONFIG = BridgeConfig()


@pytest.fixture
def host() -> Iterator[str]:
    """A namespace in the place of the host's own, so that its firewall can be set up."""
    name = f"probe-{os.getpid()}"
    namespaces.ensure(name)
    yield name
    namespaces.delete(name)


def sentences(host: str) -> Sequence[str]:
    return namespaces.inside(host, lambda: list(blocking_firewalls(CONFIG)))


@pytest.mark.parametrize("command", ["iptables", "ip6tables", "iptables-legacy"])
def test_a_firewall_that_drops_forwarded_packets_is_named_and_its_cure_helps(
    host: str, command: str
) -> None:
    assert not sentences(host)
    process.run(*namespaces.command(host, command, "-P", "FORWARD", "DROP"))
    (sentence,) = sentences(host)
    assert "FORWARD" in sentence
    cure = re.search(r"let .* pass: (.*)\.$", sentence, re.IGNORECASE)
    assert cure is not None
    for line in cure[1].split("&&"):
        process.run(*namespaces.command(host, *shlex.split(line)))
    assert not sentences(host)


def test_firewalld_is_named(host: str) -> None:
    nft.apply(
        "table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; } \n }",
        namespace=host,
    )
    (sentence,) = sentences(host)
    assert "firewall-cmd" in sentence


def test_our_own_tables_block_nothing(host: str) -> None:
    nft.apply(
        "table inet cloudweb { chain f { type filter hook forward priority 0; policy drop; } \n }",
        namespace=host,
    )
    assert not sentences(host)


def test_this_host_can(monkeypatch: pytest.MonkeyPatch) -> None:
    config = BridgeConfig(prefix="cpr")
    check_host(config)
    assert not namespaces.names(config.table)
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(DriverError, match="root"):
            check_host(config)
    which = shutil.which
    for program, package in (("nft", "nftables"), ("dnsmasq", "dnsmasq-base")):
        with monkeypatch.context() as patched:
            patched.setattr(
                shutil, "which", lambda name, gone=program: None if name == gone else which(name)
            )
            with pytest.raises(DriverError, match=f"apt-get install {package}"):
                check_host(config)
