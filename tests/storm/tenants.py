"""What users do meanwhile: each makes a server, does something with it, and deletes it again."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

#: Not an answer: the way to it was cut, or the cloud asks for patience.
AGAIN = (429, 500, 502, 503, 504)


class Unhappy(Exception):
    """A user met what he did not cause."""


class Tenant:
    """A user of the project of his name over HTTP, who tries again as long as nobody answers.

    ``server`` holds flavorRef, imageRef and networks of what he makes. Raises Unhappy.
    """

    def __init__(
        self, *, url: str, name: str, password: str, server: dict[str, Any], rng: random.Random,
        patience: float,
    ) -> None:  # fmt: skip
        self.name = name
        self.url, self.password, self.server, self.rng = url, password, server, rng
        self.patience = patience
        self._client = httpx.Client(timeout=30)
        self._token = ""

    def live(self) -> None:
        """Make a server, use it, and take it away."""
        server_id = self.create()
        for _ in range(self.rng.randrange(3)):
            self.act(server_id)
        self.delete(server_id)

    def create(self) -> str:
        """Return a server that is ACTIVE."""
        name = f"storm-{uuid.uuid4().hex[:12]}"
        body = {"server": {"name": name, **self.server}}
        key = {"Idempotency-Key": name}
        made = self.ask(
            "POST", "/compute/v2.1/servers", expect=(202,), json=body, headers=key
        ).json()["server"]
        self.wait_for(made["id"], "ACTIVE")
        return str(made["id"])

    def act(self, server_id: str) -> None:
        """Stop and start a server, or reboot it, and see that it runs again."""
        if self.rng.random() < 0.5:
            self.order(server_id, {"os-stop": None})
            self.wait_for(server_id, "SHUTOFF")
            self.order(server_id, {"os-start": None})
        else:
            self.order(server_id, {"reboot": {"type": "HARD"}})
        self.wait_for(server_id, "ACTIVE")

    def order(self, server_id: str, action: dict[str, Any]) -> None:
        """Give an order; one whose answer was lost is refused the second time, and is as good."""
        self.ask(
            "POST", f"/compute/v2.1/servers/{server_id}/action", expect=(202, 409), json=action
        )

    def delete(self, server_id: str) -> None:
        """See a server gone."""
        self.ask("DELETE", f"/compute/v2.1/servers/{server_id}", expect=(204, 404))
        self._until(
            lambda: (
                self.ask("GET", f"/compute/v2.1/servers/{server_id}", expect=(200, 404)).status_code
                == 404
            ),
            f"{server_id} is deleted",
        )

    def wait_for(self, server_id: str, status: str) -> None:
        """Wait until a server is so and nothing is done with it; Unhappy when it is ERROR."""

        def reached() -> bool:
            answer = self.ask("GET", f"/compute/v2.1/servers/{server_id}", expect=(200, 404))
            if answer.status_code == 404:
                raise Unhappy(f"server {server_id} is gone; it should become {status}")
            server = answer.json()["server"]
            if server["status"] == "ERROR":
                raise Unhappy(f"server {server_id} is ERROR: {server.get('fault')}")
            return bool(server["status"] == status and not server["OS-EXT-STS:task_state"])

        self._until(reached, f"{server_id} is {status}")

    def ask(
        self, method: str, path: str, *, expect: tuple[int, ...], **more: Any
    ) -> httpx.Response:
        """Send until there is an answer; one that nobody expects makes unhappy."""
        limit = time.monotonic() + self.patience
        headers = more.pop("headers", {})
        while True:
            said = "no answer"
            try:
                if not self._token:
                    self._log_in()
                answer = self._client.request(
                    method, f"{self.url}{path}",
                    headers={"X-Auth-Token": self._token, **headers}, **more,
                )  # fmt: skip
                if answer.status_code in expect:
                    return answer
                said = f"{answer.status_code} {answer.text[:300]}"
                if answer.status_code == 401:
                    self._token = ""
                elif answer.status_code not in AGAIN:
                    raise Unhappy(f"{method} {path}: {said}")
            except httpx.HTTPError as error:
                said = repr(error)
            if time.monotonic() > limit:
                raise Unhappy(f"{method} {path}: for {self.patience:g} s {said}")
            time.sleep(0.2)

    def _log_in(self) -> None:
        scope = {"project": {"name": self.name, "domain": {"id": "default"}}}
        user = {"name": self.name, "domain": {"id": "default"}, "password": self.password}
        identity = {"methods": ["password"], "password": {"user": user}}
        answer = self._client.post(
            f"{self.url}/identity/v3/auth/tokens",
            json={"auth": {"identity": identity, "scope": scope}},
        )
        if answer.status_code == 201:
            self._token = answer.headers["X-Subject-Token"]
        elif answer.status_code not in AGAIN:
            raise Unhappy(f"log-in: {answer.status_code} {answer.text[:300]}")

    def _until(self, ready: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + self.patience
        while not ready():
            if time.monotonic() > limit:
                raise Unhappy(f"{self.patience:g} s passed before {what}")
            time.sleep(0.2)


class Crowd:
    """Tenants who live their lives side by side until it is over."""

    def __init__(self, make: Callable[[int], Tenant], number: int) -> None:
        self.lives, self.complaints = Counter[str](), list[str]()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._live, args=(make(each),), daemon=True, name=f"tenant-{each}"
            )
            for each in range(number)
        ]

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let each finish what it is at."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _live(self, tenant: Tenant) -> None:
        while not self._over.is_set():
            try:
                tenant.live()
                self.lives["whole"] += 1
            except Exception as error:  # noqa: BLE001  whatever it is, it is told
                self.lives["cut"] += 1
                self.complaints.append(
                    f"{error!r}" if not isinstance(error, Unhappy) else str(error)
                )
