"""What ``make run`` says once it serves: address, log-ins, the openstack command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from cloudweb.conf import drivers, listen_url


@dataclass(frozen=True, slots=True)
class Login:
    """A user that the first contents of the database bring; ``cloud`` is its name in clouds.yaml."""

    cloud: str
    username: str
    password: str


def banner(logins: Sequence[Login]) -> str:
    """Return the text; the first log-in is the tenant's, which the examples use."""
    base = settings.PUBLIC_URL.rstrip("/") or listen_url()
    clouds = _from_here(settings.VAR / "clouds.yaml")
    client = _from_here(Path(sys.executable).with_name("openstack"))
    widest = max(len(login.username) for login in logins)
    lines = ["", "Cloudweb is ready.", "", f"  Dashboard   {base}/", f"  Operators   {base}/admin/"]
    lines += [f"  Log-in      {login.username:{widest}}  {login.password}" for login in logins]
    lines += [
        "",
        f"  export OS_CLIENT_CONFIG_FILE={clouds}",
        f"  {client} --os-cloud {logins[0].cloud} server list",
        "",
    ]
    if drivers() == "fake":
        lines += ["  Guests exist in memory only (DRIVERS=fake).", ""]
    return "\n".join([*lines, "Ctrl-C stops it; guests and networks keep running.", ""])


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
