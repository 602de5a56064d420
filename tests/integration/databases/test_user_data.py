"""A new guest runs what its user data says: a program that somebody else signed is fetched anew, not run."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cloudweb.process import run
from databases.guest.packing import packed
from databases.guest.version import VERSION
from databases.mailbox.user_data import ADDRESS, SCRIPT, script
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
    text = text.replace("[ -d /run/systemd/system ]", "false")
    text = text.replace('agent.pyz "$D"', "agent.pyz --check")
    done = run("sh", "-c", text, timeout=60)
    assert done.stdout.decode().splitlines()[-1] == VERSION
    assert (tmp_path / "agent.pyz").read_bytes() == packed()
    assert (tmp_path / "config.json").stat().st_mode & 0o077 == 0
    assert Metadata.asked.count("/openstack/database/agent.sig") == 2
    assert "the token" not in SCRIPT


def test_it_is_short_enough() -> None:
    import base64

    check_user_data(base64.b64encode(script("t" * 43).encode()).decode())
