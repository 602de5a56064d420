"""The operators' pages of a running cloud over HTTP: what they say, and what they do to hosts."""

from __future__ import annotations

import re
from types import TracebackType

import httpx

from tests.infrastructure import PATIENCE, Cloud


class OperatorPages:
    """The console of the cloud's operator, logged in."""

    def __init__(self, cloud: Cloud) -> None:
        self._http = httpx.Client(base_url=cloud.url, timeout=PATIENCE, follow_redirects=True)
        self.read("/login")
        self.send("/login", username="admin", password=cloud.password("cloudweb-admin"))

    def __enter__(self) -> OperatorPages:
        """Stay logged in over a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._http.close()

    def read(self, path: str) -> str:
        """Return a page."""
        return self._http.get(path).raise_for_status().text

    def all_of(self, path: str) -> str:
        """Return the pages of all rows of a list."""
        rows = re.findall(rf'href="({path}[^"/]+/change/)', self.read(path))
        return "".join(self.read(row) for row in {*rows})

    def send(self, path: str, **fields: str) -> str:
        """Send a form; return the page that it leads to."""
        fields["csrfmiddlewaretoken"] = self._http.cookies["csrftoken"]
        return self._http.post(path, data=fields).raise_for_status().text

    def key_of(self, host: str) -> str:
        """Return what forms call a host."""
        form = self.read("/admin/compute/hostfence/add/")
        found = re.search(rf'<option value="([^"]+)">{host}</option>', form)
        assert found is not None, host
        return found[1]

    def act(self, action: str, host: str, *, reason: str = "") -> str:
        """Do what the list of hosts offers; return what is said of it."""
        fields = {"action": action, "_selected_action": self.key_of(host), "reason": reason}
        return self.send("/admin/compute/host/", **fields)
