"""Trouble and tenants together, then calm, then the census."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from cloudweb import process
from tests.infrastructure import ROOT, Cloud, collected, free_port, wait_until
from tests.storm.census import left
from tests.storm.tenants import Crowd, Tenant, Unhappy
from tests.storm.weather import Memory, Weather

SIGTERM_PATIENCE = 60.0


@dataclass
class Report:
    """How a storm ended; it ended well when there is nothing in the first three."""

    complaints: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    grown: list[str] = field(default_factory=list)
    troubles: int = 0
    lives: int = 0
    memory: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Tell whether nobody met what he did not cause, and nothing is left or grows."""
        return not (self.complaints or self.left or self.grown)


class Head:
    """The supervisor of the cloud, which may be killed and started again."""

    def __init__(self, var: Path, settings: Mapping[str, str]) -> None:
        self.var = var
        self.listen = settings.get("LISTEN") or f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.listen}"
        self._settings = {
            "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
            "CLOUDWEB_VAR": str(var),
            "THROTTLE": "off",
            "STATIC_ROOT": str(collected()),
            **dict.fromkeys(("COMPUTE_CPU_RATIO", "COMPUTE_RAM_RATIO", "COMPUTE_DISK_RATIO"), "64"),
            **settings,
            "LISTEN": self.listen,
        }
        try:
            self.start()
        except BaseException:
            self._process.kill()
            raise

    def start(self) -> None:
        """Start it; it is there when the API says that servers could be built."""
        log = self.var / "log" / "storm.log"
        self._process = process.start_child(
            sys.executable, "-m", "cloudweb.supervisor", log=log, env=self._settings, cwd=ROOT
        )

        def ready() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"the cloud ended: {log.read_text()[-3000:]}")
            try:
                return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
            except httpx.HTTPError:
                return False

        wait_until(ready, what="the cloud answers", timeout=300)

    def pid(self) -> int:
        """Return the supervisor's pid."""
        return self._process.pid

    def restart(self) -> None:
        """Let the power fail, and come back."""
        self._process.kill()
        self._process.wait()
        self.start()

    def close(self) -> None:
        """Stop it as Ctrl-C does."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(SIGTERM_PATIENCE)


class Storm:
    """One storm over the cloud in ``var``, the same for the same ``seed`` as far as machines allow.

    ``freeze`` is how many seconds a process stands still, ``patience`` how many a tenant waits for
    anything, ``pause`` between which of them the next trouble comes.
    """

    def __init__(
        self, head: Head, *, seed: int, tenants: int, freeze: float, patience: float,
        pause: tuple[float, float] = (1.0, 5.0), may_fill: bool = False, real: bool = False,
    ) -> None:  # fmt: skip
        self.head, self.real, self.patience, self.pause = head, real, patience, pause
        self._rng = random.Random(seed)
        self._tenants = tenants
        self._server = self._what_to_make()
        self.weather = Weather(
            head.var, head.pid, head.restart, self._rng, freeze, may_fill=may_fill, log=say
        )

    def run(self, *, rough: float, calm: float, burst: int = 0) -> Report:
        """Return how it went.

        ``rough`` and ``calm`` are seconds of churn with and without trouble; every trouble happens
        once, however long that takes. ``burst`` servers are made at once in between.
        """
        report = Report()
        self._phase(report, rough, trouble=True)
        if burst:
            report.complaints += self._burst(burst)
        memory = Memory(self.head.pid, every=max(0.5, calm / 60))
        memory.start()
        self._phase(report, calm, trouble=False)
        memory.end()
        report.memory = memory.growth()
        report.grown = [
            f"{kind}: {first:.0f} MiB, then {last:.0f}"
            for kind, (first, last) in report.memory.items()
            if calm >= 60 and last > first * 1.1 + 8
        ]
        report.troubles = len(self.weather.happened)
        report.left = self._census()
        return report

    def _phase(self, report: Report, seconds: float, *, trouble: bool) -> None:
        crowd = Crowd(lambda number: self.tenant(), self._tenants)
        crowd.start()
        limit = time.monotonic() + seconds
        if trouble:
            number = len(self.weather.troubles())
            self.weather.rage(
                lambda: time.monotonic() > limit and len(self.weather.happened) >= number,
                pause=self.pause,
            )
        while time.monotonic() < limit:
            time.sleep(0.2)
        crowd.end()
        report.lives += crowd.lives["whole"]
        report.complaints += crowd.complaints

    def _burst(self, number: int) -> list[str]:
        """Make many servers in as few requests as one may; all become ACTIVE, then go."""
        tenant, complaints = self.tenant(), []
        made: list[str] = []
        while len(made) < number:
            count = min(100, number - len(made))
            body = {
                "server": {
                    "name": "burst",
                    "min_count": count,
                    "return_reservation_id": True,
                    **self._server,
                }
            }
            answer = tenant.ask("POST", "/compute/v2.1/servers", expect=(202,), json=body).json()
            found = tenant.ask(
                "GET",
                f"/compute/v2.1/servers?reservation_id={answer['reservation_id']}",
                expect=(200,),
            )
            made += [server["id"] for server in found.json()["servers"]]
        say(f"burst: {len(made)} servers ordered")
        for server in made:
            try:
                tenant.wait_for(server, "ACTIVE")
            except Unhappy as error:
                complaints.append(str(error))
        for server in made:
            tenant.ask("DELETE", f"/compute/v2.1/servers/{server}", expect=(204, 404))
        return complaints

    def tenant(self) -> Tenant:
        """Return another user of the demo project."""
        return self._user("demo", self._server)

    def _user(self, name: str, server: dict[str, Any]) -> Tenant:
        cloud = Cloud(url=self.head.url, var=self.head.var, pid=self.head.pid())
        return Tenant(
            url=self.head.url, name=name, server=server, patience=self.patience,
            password=cloud.password("cloudweb" if name == "demo" else "cloudweb-admin"),
            rng=random.Random(self._rng.random()),
        )  # fmt: skip

    def _census(self) -> list[str]:
        """Delete what tenants left behind, wait for all to end, and return what is left then."""
        tenant = self.tenant()
        for server in tenant.ask("GET", "/compute/v2.1/servers?limit=1000", expect=(200,)).json()[
            "servers"
        ]:
            tenant.ask("DELETE", f"/compute/v2.1/servers/{server['id']}", expect=(204, 404))
        limit = time.monotonic() + self.patience
        prefix = os.environ.get("NETWORK_PREFIX", "cw")
        while (
            found := left(self.head.var, real=self.real, prefix=prefix)
        ) and time.monotonic() < limit:
            time.sleep(0.5)
        return found

    def _what_to_make(self) -> dict[str, Any]:
        tenant, admin = self._user("demo", {}), self._user("admin", {})
        project = tenant.ask("GET", "/network/v2.0/networks?name=demo", expect=(200,)).json()
        project_id = project["networks"][0]["project_id"]
        quotas = {
            f"/compute/v2.1/os-quota-sets/{project_id}": (
                "quota_set", dict.fromkeys(("instances", "cores", "ram"), -1),
            ),
            f"/network/v2.0/quotas/{project_id}": ("quota", {"port": -1}),
        }  # fmt: skip
        for path, (key, quota) in quotas.items():
            admin.ask("PUT", path, expect=(200,), json={key: quota})
        made = tenant.ask(
            "POST", "/network/v2.0/networks", expect=(201,), json={"network": {"name": "storm"}}
        )
        network = made.json()["network"]
        subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "10.64.0.0/16"}
        tenant.ask("POST", "/network/v2.0/subnets", expect=(201,), json={"subnet": subnet})
        flavors = tenant.ask("GET", "/compute/v2.1/flavors/detail", expect=(200,)).json()["flavors"]
        smallest = min(flavors, key=lambda flavor: (flavor["ram"], flavor["disk"]))
        images = tenant.ask("GET", "/image/v2/images", expect=(200,)).json()["images"]
        return {
            "flavorRef": smallest["id"],
            "imageRef": images[0]["id"],
            "networks": [{"uuid": network["id"]}],
        }


def say(text: str) -> None:
    """Tell what happens, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
