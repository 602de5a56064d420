"""A new guest runs what its user data says: a program that somebody else signed is fetched anew, not run."""

from __future__ import annotations

import configparser
import http.server
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cloudweb.process import run
from databases.guest.packing import packed
from databases.guest.version import VERSION
from databases.mailbox.user_data import ADDRESS, DATASTORES, SCRIPT, script
from instances.user_data import check_user_data
from operations.orders import signer


class Metadata(http.server.BaseHTTPRequestHandler):
    """Hands out the program; its first signature is another program's."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        data = packed()
        if self.path.endswith(".sig"):
            first = self.asked.count(self.path) == 1
            data = signer().sign_bytes(b"another" if first else data).hex().encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_runs_what_the_control_plane_signed(address: str, tmp_path: Path) -> None:
    text = script("the token").replace(ADDRESS.partition("//")[2], address)
    text = text.replace("D=/var/lib/cloudweb-guest", f"D={tmp_path}")
    text = text.replace("[ -d /run/systemd/system ]", "false").replace("if lacks", "if false")
    text = text.replace("main(sys.argv[1:])", 'main(["--check"])')
    done = run("sh", "-c", text, timeout=60)
    assert done.stdout.decode().splitlines()[-1] == VERSION
    assert (tmp_path / "agent.pyz").read_bytes() == packed()
    assert (tmp_path / "config.json").stat().st_mode & 0o077 == 0
    assert Metadata.asked.count("/openstack/database/agent.sig") == 2
    assert "the token" not in SCRIPT


@pytest.mark.parametrize("manager", sorted(DATASTORES))
def test_a_stock_image_hands_it_to_systemd_and_fetches_what_it_lacks(
    manager: str, tmp_path: Path
) -> None:
    """As cloud-init runs it: a file with ``#!``; then as its unit does, with commands that say what they were told."""
    (home := tmp_path / "guest").mkdir()
    (tools := tmp_path / "bin").mkdir()
    said = tmp_path / "said"
    for name in ("systemctl", "apt-get", "sleep"):
        body = f'#!/bin/sh\necho "{name} $*" >> {said}\n'
        if name == "apt-get":  # the network is there at the second try
            body += f'case "$*" in *update) [ -e {tmp_path}/net ] || {{ touch {tmp_path}/net; exit 1; }};; esac\n'
        (tools / name).write_text(body)
        (tools / name).chmod(0o755)
    text = script(
        "the token", manager=manager, packages=("lab; db",) if manager == "mariadb" else ()
    )
    for old, new in (
        ("PATH=/usr/local/sbin:", f"PATH={tools}:/usr/local/sbin:"),
        ("D=/var/lib/cloudweb-guest", f"D={home}"),
        ("[ -d /run/systemd/system ]", "true"),
        ("/etc/", f"{tmp_path}/etc/"),
        ("/usr/sbin/policy-rc.d", f"{tmp_path}/policy-rc.d"),
        (DATASTORES[manager][0], str(tmp_path / "nothing")),
        ("exec python3 -SE agent.pyz", "echo agent"),
    ):
        text = text.replace(old, new)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    part = tmp_path / "part-001"
    part.write_text(text)
    assert text.startswith("#!/bin/sh\n")
    run("sh", "-n", str(part))
    run("sh", str(part))
    assert said.read_text().splitlines() == [
        "systemctl daemon-reload",
        "systemctl enable cloudweb-guest.service",
        "systemctl start --no-block cloudweb-guest.service",
    ]
    unit = (tmp_path / "etc/systemd/system/cloudweb-guest.service").read_text()
    read = configparser.ConfigParser(interpolation=None, strict=False)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(unit)
    assert read["Service"]["ExecStart"] == "/bin/sh /var/lib/cloudweb-guest/start serve"
    [_, _, stop] = shlex.split(read["Service"]["ExecStopPost"].removeprefix("-"))
    run("sh", "-n", "-c", stop)
    assert "the token" not in unit

    said.unlink()
    (home / "agent.pyz").write_bytes(b"")
    assert (home / "start").read_bytes() == part.read_bytes()
    done = run("sh", str(home / "start"), "serve")
    assert done.stdout.decode().splitlines()[-1] == f"agent {home}"
    lines = said.read_text().splitlines()
    assert [line.split()[-1] for line in lines[:3]] == ["update", "10", "update"]
    packages = lines[3].partition(" install -- ")[2]
    assert ("postgresql" in packages) == (manager == "postgresql")
    assert manager == "postgresql" or "lab; db" in packages
    assert lines[4:] == [f"systemctl mask {manager}.service"]
    assert (tmp_path / "etc/postgresql-common/createcluster.conf").stat().st_mode & 0o044 == 0o044
    assert not (tmp_path / "policy-rc.d").exists()


def test_it_is_short_enough() -> None:
    import base64

    check_user_data(base64.b64encode(script("t" * 43).encode()).decode())
