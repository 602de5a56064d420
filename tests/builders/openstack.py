"""The real openstack command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from cloudweb import process

OPENSTACK = Path(sys.executable).with_name("openstack")
LOG_IN = ["GET /identity", "POST /identity/v3/auth/tokens"]


class Command:
    """The openstack command with its credentials; ``requests`` are those of its last run."""

    def __init__(self, clouds: Path) -> None:
        self.clouds = clouds
        self.requests: list[str] = []

    def record(self, environ: dict[str, Any], **_: Any) -> None:
        """Note a request as it comes in."""
        query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{query}")

    def text(self, *words: str, cloud: str = "cloudweb-admin") -> str:
        """Run it; return what it printed. Raises CommandFailed."""
        return self._run(*words, cloud=cloud).text

    def refusal(self, *words: str, cloud: str = "cloudweb-admin") -> str:
        """Run it; return what it complained of. Fails if it succeeded."""
        done = self._run(*words, cloud=cloud, check=False)
        assert done.returncode != 0
        return done.stderr.decode()

    def _run(self, *words: str, cloud: str, check: bool = True) -> process.Completed:
        self.requests.clear()
        environment = {"OS_CLIENT_CONFIG_FILE": str(self.clouds), "OS_CLOUD": cloud}
        return process.run(str(OPENSTACK), *words, env=environment, timeout=60, check=check)

    def json(self, *words: str, cloud: str = "cloudweb-admin") -> Any:
        """Run it; return what it printed as JSON."""
        return json.loads(self.text(*words, "-f", "json", cloud=cloud))
