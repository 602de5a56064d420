"""A host's process holds no table, no database and nothing of the control plane's secrets.

It is started as ``manage.py service host`` starts it, wires a port, boots a guest and makes a volume on fake drivers,
reports, and then lists what it has loaded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.topics import settings_module_for
from tests.infrastructure import ROOT

HOST = """
import json, sys, threading
from pathlib import Path
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloudweb.celery import app  # a host's worker has it
from cloudweb import service
from cloudweb.host import HostRuntime
from cloudweb.keeping import write_private
from cloudweb.signing import OrderSigner

place = service.host_directory("h1")
signer = OrderSigner(Ed25519PrivateKey.generate())
(place / "credentials").mkdir(parents=True)
write_private(place / "credentials" / "host.key", "k" * 64)
write_private(place / "credentials" / "orders.pub", signer.public_pem().decode())
sent = []
runtime = service.build_host("h1", ["compute", "network", "volume"])
runtime.voice.send = lambda envelope: sent.append(envelope) or True
for agent in runtime.agents.values():
    agent.init_host()

orders = json.loads(sys.argv[1])
for number, (method, payload) in enumerate(orders):
    runtime.receive(signer.sign({
        "method": method, "op": f"op{number}", "seq": 1, "direction": "do", "attempt": 1,
        "epoch": number + 1, "scope": f"{method.partition('.')[0]}:{number}", "payload": payload,
    }, topic=f"{method.partition('.')[0]}.h1"))
runtime.shares._pool.shutdown(wait=True)
runtime.report(init=True)

print(json.dumps({
    "modules": sorted(sys.modules),
    "secrets": [path.name for path in place.parent.parent.rglob("secrets")],
    "outcomes": [one["body"]["data"]["step"]["outcome"] for one in sent if one["kind"] == "reply"],
    "errors": [one["body"]["data"]["step"]["error"] for one in sent if one["kind"] == "reply"],
    "reports": [one["body"]["data"]["services"] for one in sent if one["kind"] == "report"],
}))
"""


def orders() -> list[tuple[str, dict[str, Any]]]:
    """A port to plug, a guest to boot and a volume to make, as the control plane words them."""
    from compute.objects import GuestDisk, GuestSpec
    from tests.builders.ports import make_network, make_port
    from volume.objects import VolumeRef, VolumeSpec

    spec = GuestSpec(
        id="11111111-2222-4333-8444-555555555555",
        name="instance-1",
        project_id="p",
        vcpus=1,
        ram=64,
        disks=(GuestDisk(size=1 << 20),),
        interfaces=(),
    )
    volume = VolumeSpec(
        ref=VolumeRef(id="11111111-2222-4333-8444-555555555556", backend="fake"), size=1 << 20
    )
    return [
        ("network.plug", make_port(make_network()).dump()),
        ("compute.spawn", spec.dump()),
        ("volume.create", volume.dump()),
    ]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the process says after its work; the control plane's settings are there, and broken."""
    done = process.run(
        sys.executable,
        "-c",
        HOST,
        json.dumps(orders()),
        env={
            "DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent",
            "CLOUDWEB_VAR": str(tmp_path_factory.mktemp("host")),
            "DRIVERS": "fake",
            "DATABASE_URL": "no-such-engine://nobody@nowhere/nothing",
            "SECRET_KEY": "",
        },
        cwd=ROOT,
    )
    said: dict[str, Any] = json.loads(done.text.splitlines()[-1])
    return said


def test_it_does_its_work(host: dict[str, Any]) -> None:
    assert host["outcomes"] == ["DONE"] * 3, host["errors"]
    (services,) = host["reports"]
    assert {one["domain"] for one in services} == {"compute", "network", "volume"}


def test_no_model_of_ours_is_loaded(host: dict[str, Any]) -> None:
    apps = (
        "operations", "identity", "image", "network", "volume", "compute", "instances", "databases", "dashboard",
    )  # fmt: skip
    loaded = [name for name in host["modules"] if name.partition(".")[0] in apps]
    assert any(name.startswith("compute.drivers.fake") for name in loaded)
    forbidden = ("models", "manager", "querysets", "api", "migrations", "admin")
    assert [name for name in loaded if set(name.split(".")) & set(forbidden)] == []
    assert not {"operations", "identity", "instances", "dashboard"} & {
        name.partition(".")[0] for name in loaded
    }


def test_neither_a_database_nor_django_is_loaded(host: dict[str, Any]) -> None:
    drivers = ("django.conf", "django.db", "sqlite3", "psycopg", "cloudweb.settings.agent")
    assert [name for name in drivers if name in host["modules"]] == []


def test_no_secret_of_the_cloud_is_drawn_on_a_host(host: dict[str, Any]) -> None:
    assert host["secrets"] == []


@pytest.mark.parametrize(
    ("words", "module"),
    [
        ("manage.py service host --host h1", "agent"),
        ("manage.py service --host h1 compute", "agent"),
        ("manage.py service compute,network --host=h1", "agent"),
        ("celery -A cloudweb worker -Q compute.h1,network.h1", "agent"),
        ("manage.py service control", "control"),
        ("manage.py service conductor,compute --host h1", "control"),
        ("celery -A cloudweb worker -Q conductor", "control"),
        ("manage.py migrate", "control"),
    ],
)
def test_the_command_line_decides(words: str, module: str) -> None:
    assert settings_module_for(words.split()) == f"cloudweb.settings.{module}"


def test_real_drivers_import_no_model(tmp_path: Path) -> None:
    code = (
        "import importlib, sys, os\n"
        "for name in ('compute.hosting', 'network.hosting', 'volume.hosting', "
        "'compute.drivers.libvirt', "
        "'network.drivers.linuxbridge.driver'): importlib.import_module(name)\n"
        "print([m for m in sys.modules if m.endswith('.models') and not m.startswith('django')])"
    )
    done = process.run(
        sys.executable,
        "-c",
        code,
        env={"DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent", "CLOUDWEB_VAR": str(tmp_path)},
        cwd=ROOT,
    )
    assert done.text.strip() == "[]"
