"""What tests run on: a private Redis, a private PostgreSQL, a whole cloud of processes.

Each is a context manager on a scratch directory of its own, listens on Unix sockets (the cloud on a
free port of the loopback) and is gone afterwards.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from cloudweb import process
from tests.kept import ROOT, collected, give_tables

#: How long a test waits for a fact, in seconds. A machine under load is slow, not broken: what is to
#: happen is waited for this long, and only what must not happen is given a short time.
PATIENCE = 120.0


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """Give a directory with a short path (Unix sockets allow some 100 bytes)."""
    with tempfile.TemporaryDirectory(
        prefix=f"cw-{prefix}-", dir="/tmp", ignore_cleanup_errors=True
    ) as path:
        yield Path(path)


def wait_until(ready: object, *, what: str, timeout: float = PATIENCE) -> None:
    """Poll a callable until it is true; fail with ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not ready():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} within {timeout} s")
        time.sleep(0.05)


@contextlib.contextmanager
def private_redis() -> Iterator[Path]:
    """Run a Redis on a Unix socket; give the socket's path."""
    with scratch("redis") as home:
        path = home / "redis.sock"
        server = process.start_child(
            "redis-server", "--port", "0", "--unixsocket", str(path), "--save", "",
            "--appendonly", "no", "--dir", str(home), log=home / "log",
        )  # fmt: skip
        try:
            wait_until(path.exists, what="Redis listens")
            yield path
        finally:
            server.terminate()
            server.wait(PATIENCE)


def postgresql_programs() -> Path:
    """Return where the newest PostgreSQL's programs are."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if not versions:
        raise RuntimeError("PostgreSQL's programs are missing: run deploy/setup test")
    return versions[-1].parent


@contextlib.contextmanager
def private_postgresql() -> Iterator[str]:
    """Run a PostgreSQL on a Unix socket (as user postgres where we are root); give its DATABASE_URL."""
    programs = postgresql_programs()
    with scratch("pg") as home:
        become: tuple[str, ...] = ()
        if os.geteuid() == 0:
            shutil.chown(home, "postgres", "postgres")
            become = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--")
        owner, data = getpass.getuser(), home / "data"
        process.run(
            *become, str(programs / "initdb"), "--pgdata", str(data), "--username", owner,
            "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
            timeout=120, cwd=Path("/"),
        )  # fmt: skip
        server = process.start_child(
            *become, str(programs / "postgres"), "-D", str(data), "-k", str(home),
            "-c", "listen_addresses=", "-c", "fsync=off", "-c", "synchronous_commit=off",
            "-c", "full_page_writes=off", "-c", "max_connections=60", "-c", "shared_buffers=32MB",
            log=Path(f"{home}.log"), cwd=Path("/"),
        )  # fmt: skip
        try:
            wait_until(
                lambda: process.run(
                    str(programs / "pg_isready"), "-q", "-h", str(home), check=False
                ).returncode == 0,
                what="PostgreSQL answers",
            )  # fmt: skip
            process.run(str(programs / "createdb"), "-h", str(home), "-U", owner, "cloudweb")
            yield f"postgres:///{home}/cloudweb"
        finally:
            server.send_signal(signal.SIGINT)  # its fast shutdown
            server.wait(PATIENCE)
            Path(f"{home}.log").unlink(missing_ok=True)


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Cloud:
    """A running cloud: where it answers, where it keeps things, the process at its head."""

    url: str
    var: Path
    pid: int

    @property
    def clouds_yaml(self) -> Path:
        """The credentials the cloud wrote for the openstack command."""
        return self.var / "clouds.yaml"

    def environment(self, cloud: str = "cloudweb") -> dict[str, str]:
        """Return the environment in which the openstack command speaks to this cloud."""
        return {"OS_CLIENT_CONFIG_FILE": str(self.clouds_yaml), "OS_CLOUD": cloud}

    def openstack(self, *words: str, cloud: str = "cloudweb", timeout: float = 120) -> str:
        """Run the real openstack command; return what it printed. Raises CommandFailed."""
        program = Path(sys.executable).with_name("openstack")
        return process.run(str(program), *words, env=self.environment(cloud), timeout=timeout).text

    def password(self, cloud: str = "cloudweb") -> str:
        """Return the password that the credentials name for a user."""
        found = re.search(
            rf'^  {cloud}:\n(?:    .*\n)*?      password: "?([^"\n]+)"?$',
            self.clouds_yaml.read_text(), re.MULTILINE,
        )  # fmt: skip
        if found is None:
            raise LookupError(f"no password of {cloud} in {self.clouds_yaml}")
        return found[1]


@contextlib.contextmanager
def running_cloud(
    *, var: Path | None = None, timeout: float = 180, migrates: bool = False, **settings: str
) -> Iterator[Cloud]:
    """Run ``make run``'s process tree with fake drivers (unless a setting says otherwise) and end it again.

    It finds its tables made, unless it ``migrates``, as the first start of a cloud does.
    """
    with contextlib.ExitStack() as stack:
        home = var or stack.enter_context(scratch("cloud"))
        if not (migrates or "DATABASE_URL" in settings):
            give_tables(home)
        listen = settings.pop("LISTEN", "") or f"127.0.0.1:{free_port()}"
        environment: Mapping[str, str] = {
            "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
            "CLOUDWEB_VAR": str(home),
            "LISTEN": listen,
            "DRIVERS": "fake",
            "THROTTLE_LOGIN": "",  # every test logs in as the same few users, from one address
            "THROTTLE_LOGIN_ADDRESS": "",
            "CLOUDWEB_TIME_SCALE": "1",
            "STATIC_ROOT": str(collected()),
            **settings,
        }
        log = home / "log" / f"run-{secrets.token_hex(4)}.log"
        head = process.start_child(
            sys.executable, "-m", "cloudweb.supervisor", log=log, env=environment, cwd=ROOT
        )
        try:
            _wait_for_cloud(head, f"http://{listen}", log, timeout)
            yield Cloud(url=f"http://{listen}", var=home, pid=head.pid)
        finally:
            head.send_signal(signal.SIGTERM)
            try:
                head.wait(PATIENCE)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    head.kill()


@contextlib.contextmanager
def another_api(cloud: Cloud, **settings: str) -> Iterator[str]:
    """Run one more API process of a cloud, with other settings; give its URL."""
    listen = f"127.0.0.1:{free_port()}"
    environment = {
        "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
        "CLOUDWEB_VAR": str(cloud.var),
        "LISTEN": listen,
        "PUBLIC_URL": f"http://{listen}",
        "THROTTLE_LOGIN": "",
        "THROTTLE_LOGIN_ADDRESS": "",
        "CLOUDWEB_TIME_SCALE": "1",
        "STATIC_ROOT": str(collected()),
        **settings,
    }
    log = cloud.var / "log" / f"api-{secrets.token_hex(4)}.log"
    api = process.start_child(
        sys.executable, "-m", "cloudweb.server", log=log, env=environment, cwd=ROOT
    )

    def ready() -> bool:
        if api.poll() is not None:
            raise RuntimeError(f"the API ended: {log.read_text()[-3000:]}")
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://{listen}/healthz", timeout=5).status_code == 200
        return False

    try:
        wait_until(ready, what="the API answers")
        yield f"http://{listen}"
    finally:
        api.terminate()
        try:
            api.wait(10)
        finally:
            with contextlib.suppress(ProcessLookupError):
                api.kill()


def _wait_for_cloud(head: object, url: str, log: Path, timeout: float) -> None:
    def ready() -> bool:
        if head.poll() is not None:  # type: ignore[attr-defined]
            raise RuntimeError(f"the cloud ended: {log.read_text()[-3000:]}")
        if "Cloudweb is ready" not in log.read_text():
            return False
        return httpx.get(f"{url}/readyz").status_code == 200

    wait_until(ready, timeout=timeout, what="the cloud answers")
