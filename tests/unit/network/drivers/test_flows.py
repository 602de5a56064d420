"""Which connections are cut when rules are withdrawn, and what is asked to find them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cloudweb import process
from network.drivers.linuxbridge.flows import FEW, Flows
from network.objects import PortWiring, SecurityRule
from tests.builders.ports import allow, make_network, make_port

LISTED = b"""\
tcp      6 431997 ESTABLISHED src=10.5.0.12 dst=192.0.2.1 sport=5 dport=80 \
src=10.5.0.99 dst=10.5.0.13 sport=80 dport=5 [ASSURED] mark=0 zone=7 use=1
udp      17 29 src=192.0.2.9 dst=10.5.0.14 sport=5 dport=53 \
src=10.5.0.14 dst=192.0.2.9 sport=53 dport=5 mark=0 zone=7 use=1
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return what is asked of conntrack."""
    words: list[tuple[str, ...]] = []

    def run(*command: str, check: bool) -> process.Completed:
        words.append(command[1:])
        return process.Completed(0, LISTED if command[1] == "-L" else b"", b"")

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(process, "run", run)
    return words


def withdraw(directory: Path, count: int) -> None:
    """Give ports a rule, and take it away."""
    network = make_network()
    ports = [make_port(network, f"10.5.0.{number}") for number in range(11, 11 + count)]
    flows = Flows(directory, 7)

    def with_rules(*rules: SecurityRule) -> list[PortWiring]:
        return [port.model_copy(update={"rules": rules}) for port in ports]

    flows.change(with_rules(allow("tcp")), (), ())
    flows.change(with_rules(), (), ())


def test_of_many_addresses_those_are_cut_that_somebody_talks_with(
    tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    withdraw(tmp_path, 50)
    assert asked[0] == ("-L", "--zone", "7", "-f", "ipv4")
    assert {words[-1] for words in asked[1:]} == {"10.5.0.12", "10.5.0.14"}
    assert len(asked) == 1 + 2 * 2


def test_few_addresses_are_cut_without_a_look(tmp_path: Path, asked: list[tuple[str, ...]]) -> None:
    withdraw(tmp_path, FEW)
    assert [words[0] for words in asked] == ["-D"] * 2 * FEW
