"""The main job, unattended, with the real ``openstack`` command against a running cloud.

Uploads the demo image, makes a key, a security group and a server, waits for it, shows the guest's own
words, pings it, logs in by SSH, deletes everything and shows that nothing is left.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cloudweb import process
from cloudweb.conf import listen_url, var_dir

BOOT_WITHIN = 90.0
T = TypeVar("T")


class DemoFailed(Exception):
    """The cloud did not do its job; the message says at which point."""


class Demo:
    """One run; names carry a random word, so that runs do not meet."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.name = f"demo-{secrets.token_hex(3)}"
        self.undo: list[tuple[str, ...]] = []
        self.fake = self._json("hypervisor", "list", cloud="cloudweb-admin")[0][
            "Hypervisor Type"
        ].lower() == "fake"  # fmt: skip

    def openstack(self, *words: str, cloud: str = "cloudweb", timeout: float = 180) -> str:
        """Run the openstack command; raise DemoFailed with what it said."""
        program = Path(sys.executable).with_name("openstack")
        environment = {"OS_CLIENT_CONFIG_FILE": str(var_dir() / "clouds.yaml"), "OS_CLOUD": cloud}
        done = process.run(
            str(program), *words, env=environment, timeout=timeout, check=False
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise DemoFailed(f"openstack {' '.join(words)}: {said}")
        return done.text

    def _json(self, *words: str, cloud: str = "cloudweb") -> Any:
        return json.loads(self.openstack(*words, "-f", "json", cloud=cloud))

    def run(self) -> None:
        """Do it all; raise DemoFailed."""
        before = self.census()
        try:
            self.prepare()
            server = self.boot()
            if not self.fake:
                self.visit(server)
        finally:
            with step("Deleting all of it"):
                self.clean_up()
        if before != (after := self._settled(before)):
            left = "\n".join(sorted(after - before) + [f"missing: {x}" for x in before - after])
            raise DemoFailed(f"something is left over:\n{left}")
        print(f"   nothing is left: {self.looked_at()} are as before")

    def prepare(self) -> None:
        """Make image, key and security group."""
        with step("Uploading the demo image"):
            image = var_dir() / "demo-image" / "demo.qcow2"
            if self.fake and not image.exists():
                image = self.home / "empty.img"
                image.write_bytes(bytes(1024 * 1024))
            form = "qcow2" if image.suffix == ".qcow2" else "raw"
            self.openstack(
                "image", "create", "--file", str(image), "--disk-format", form,
                "--container-format", "bare", self.name,
            )  # fmt: skip
            self.undo.append(("image", "delete", self.name))
        with step("Making a key, and a security group that lets ping and SSH in"):
            process.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.home / "key"))
            self.openstack(
                "keypair", "create", "--public-key", str(self.home / "key.pub"), self.name
            )
            self.undo.append(("keypair", "delete", self.name))
            self.openstack("security", "group", "create", self.name)
            self.undo.append(("security", "group", "delete", self.name))
            rule = ("security", "group", "rule", "create", "--ingress")
            self.openstack(*rule, "--protocol", "icmp", self.name)
            self.openstack(*rule, "--protocol", "tcp", "--dst-port", "22", self.name)

    def boot(self) -> dict[str, Any]:
        """Create the server and wait for ACTIVE."""
        with step("Creating a server and waiting until it is ACTIVE"):
            self.undo.append(("server", "delete", "--wait", self.name))
            server: dict[str, Any] = self._json(
                "server", "create", "--flavor", "m1.nano", "--image", self.name, "--key-name",
                self.name, "--security-group", self.name, "--network", "public", "--wait", self.name,
            )  # fmt: skip
        print(f"   {server['id']}: {server['status']}, {server['addresses']}")
        return server

    def visit(self, server: dict[str, Any]) -> None:
        """Read the guest's console, ping it, log in."""
        found = re.search(r"\d+\.\d+\.\d+\.\d+", json.dumps(server["addresses"]))
        if found is None:
            raise DemoFailed(f"the server has no IPv4 address: {server['addresses']}")
        address = found[0]
        with step("Waiting for the guest's own words in its console log"):
            said = wait_for(self._guest_lines, BOOT_WITHIN, "the guest did not finish booting")
        print("".join(f"   | {line}\n" for line in said), end="")
        words = "\n".join(said)
        for wanted in (f"hostname {self.name}", address):
            if wanted not in words:
                raise DemoFailed(f"the guest does not say {wanted!r}")
        with step(f"Pinging {address}"):
            process.run("ping", "-c", "2", "-w", "10", address)
        with step("Logging in by SSH with the key"):
            answer = wait_for(lambda: self._ssh(address), 30, "SSH did not let the key in")
        print(f"   | {answer}")
        if not answer.startswith(self.name):
            raise DemoFailed(f"the guest calls itself {answer!r}")

    def _guest_lines(self) -> list[str]:
        log = self.openstack("console", "log", "show", self.name)
        lines = [line.strip() for line in log.splitlines() if "demo-guest:" in line]
        return lines if any("boot complete" in line for line in lines) else []

    def _ssh(self, address: str) -> str:
        done = process.run(
            "ssh", "-i", str(self.home / "key"), "-o", "BatchMode=yes", "-o", "ConnectTimeout=5",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
            "LogLevel=ERROR", f"demo@{address}", "hostname; uname -sr", check=False, timeout=20,
        )  # fmt: skip
        return " ".join(done.text.split()) if done.returncode == 0 else ""

    def clean_up(self) -> None:
        """Delete what was made, newest first; go on after a failure and say it."""
        failures = []
        while self.undo:
            words = self.undo.pop()
            try:
                self.openstack(*words)
            except DemoFailed as error:
                failures.append(str(error))
        if failures and sys.exc_info()[0] is None:
            raise DemoFailed("; ".join(failures))

    def census(self) -> frozenset[str]:
        """Return everything that a server could leave: in the API, and on this machine."""
        seen: set[str] = set()
        for kind in (("server", "list", "--all-projects"), ("port", "list"), ("image", "list")):
            rows = self._json(*kind, cloud="cloudweb-admin")
            seen |= {f"{kind[0]} {row['ID']}" for row in rows}
        if not self.fake:
            seen |= set(machine())
        return frozenset(seen)

    def _settled(self, before: frozenset[str]) -> frozenset[str]:
        with contextlib.suppress(DemoFailed):
            wait_for(lambda: self.census() == before, 15, "not yet")
        return self.census()

    def looked_at(self) -> str:
        """Name what the census covers."""
        api = "servers, ports and images"
        return api if self.fake else f"{api}, domains, taps, bridges, files, processes and filters"


def machine() -> Iterator[str]:
    """Yield what Cloudweb has on this machine, by name."""
    for link in json.loads(process.run("ip", "-j", "link").stdout):
        yield f"link {link['ifname']}"
    for line in process.run("ip", "netns").text.splitlines():
        yield f"namespace {line.split()[0]}"
    rules = json.loads(process.run("nft", "-j", "list", "ruleset").stdout)["nftables"]
    for rule in rules:
        yield f"filter {json.dumps(_without_counts(rule), sort_keys=True)}"
    hosts = var_dir() / "hosts"
    for path in hosts.rglob("*"):
        if path.suffix in (".qcow2", ".img", ".raw", ".iso", ".xml", ".leases", ".sock"):
            yield f"file {path.relative_to(hosts)}"
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = status.read_bytes().decode(errors="replace").split("\0")
            if Path(words[0]).name in ("dnsmasq", "qemu-system-x86_64"):
                yield f"process {' '.join(words)}"


def _without_counts(rule: Any) -> Any:
    if isinstance(rule, dict):
        return {key: _without_counts(value) for key, value in rule.items() if key not in (
            "handle", "counter", "packets", "bytes", "expires", "metainfo")}  # fmt: skip
    return [_without_counts(item) for item in rule] if isinstance(rule, list) else rule


def wait_for(found: Callable[[], T], seconds: float, otherwise: str) -> T:
    """Return the first true answer; raise DemoFailed after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise DemoFailed(otherwise)
        time.sleep(0.5)
    return answer


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step, and how long it took."""
    print(f"-- {text} ... ", end="", flush=True)
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:.1f} s", flush=True)


def main() -> int:
    """Run the demo; say in a sentence why not."""
    try:
        with urllib.request.urlopen(f"{listen_url()}/healthz", timeout=5):
            pass
    except (urllib.error.URLError, OSError) as error:
        print(
            f"No cloud answers on {listen_url()} ({error}). Start it in another terminal: make run"
        )
        return 1
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cloudweb-demo-") as home:
        try:
            Demo(Path(home)).run()
        except (DemoFailed, process.CommandFailed) as error:
            print(f"\nThe demo failed: {getattr(error, 'detail', '') or error}")
            print(f"What the cloud's processes say is in {var_dir() / 'log'}.")
            return 1
    print(f"The demo passed in {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
