"""OVN's northbound database by TLS: each side asks for the other's certificate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from network.ovn import conf, tls
from network.ovn.northbound import Northbound, NorthboundAway
from tests.builders.ovn import needs_ovn, northbound_server
from tests.builders.web import certificate
from tests.infrastructure import PATIENCE, free_port, scratch

pytestmark = needs_ovn
END = "-----END CERTIFICATE-----\n"


def made(directory: Path, name: str) -> tuple[str, str]:
    """Return the files of a certificate that is its own authority, with its key and without."""
    whole, _ = certificate(directory, name)
    alone = directory / f"{name}.crt"
    alone.write_text(whole.read_text().partition(END)[0] + END)
    return str(whole), str(alone)


@pytest.fixture(scope="module")
def remote() -> Iterator[str]:
    with scratch("ovn") as home:
        port = free_port()
        server, ours = made(home, "database"), made(home, "cloudweb")
        made(home, "stranger")
        files = (f"--private-key={server[0]}", f"--certificate={server[1]}", f"--ca-cert={ours[1]}")
        with northbound_server(home, f"--remote=pssl:{port}:127.0.0.1", *files):
            yield f"{home} ssl:127.0.0.1:{port}"


def connected(seen: str, monkeypatch: pytest.MonkeyPatch, *, who: str, trusting: str) -> bool:
    """Tell whether somebody gets to write who trusts a server with that certificate."""
    home, _, remote = seen.partition(" ")
    monkeypatch.setattr(conf, "PRIVATE_KEY", f"{home}/{who}.pem")
    monkeypatch.setattr(conf, "CERTIFICATE", f"{home}/{who}.crt")
    monkeypatch.setattr(conf, "CA_CERTIFICATE", f"{home}/{trusting}.crt")
    tls.use(remote)
    northbound = Northbound(remote)
    deadline = time.monotonic() + PATIENCE
    try:
        while not northbound.is_writer:
            assert time.monotonic() < deadline, "it neither connects nor is refused"
            northbound.run()
            northbound.wait(0.05)
    except NorthboundAway:
        return False
    finally:
        northbound.close()
    return True


def test_both_sides_must_be_who_they_are(remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connected(remote, monkeypatch, who="cloudweb", trusting="database")
    assert not connected(remote, monkeypatch, who="stranger", trusting="database")
    assert not connected(remote, monkeypatch, who="cloudweb", trusting="stranger")


def test_what_lacks_is_said_before_anything_starts(
    remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _, address = remote.partition(" ")
    tls.use("unix:/run/nb.sock")
    tls.use("tcp:127.0.0.1:6641")
    with pytest.raises(tls.TlsUnusable, match="needs OVN_PRIVATE_KEY"):
        tls.use(address)
    monkeypatch.setattr(conf, "PRIVATE_KEY", f"{home}/cloudweb.pem")
    monkeypatch.setattr(conf, "CERTIFICATE", f"{home}/stranger.crt")
    monkeypatch.setattr(conf, "CA_CERTIFICATE", f"{home}/gone.crt")
    with pytest.raises(tls.TlsUnusable, match=r"OVN_CA_CERTIFICATE is .*, which cannot be read"):
        tls.use(f"unix:/run/nb.sock,{address}")
    monkeypatch.setattr(conf, "CA_CERTIFICATE", f"{home}/database.crt")
    with pytest.raises(tls.TlsUnusable, match="the key of the second"):
        tls.use(address)
