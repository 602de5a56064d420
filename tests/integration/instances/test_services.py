"""Services start one by one, by our command or by Celery's own, and serve the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections

from cloudweb import process
from instances.models import Instance
from operations.models import Service
from operations.orders import signer
from operations.testing import Processes
from tests.integration.instances.test_kills import Stage

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(400),
]
ROOT = Path(__file__).resolve().parents[3]
COMMANDS = {
    "control by celery": (
        "-m", "celery", "-A", "cloudweb", "worker", "-Q", "conductor,scheduler,taskmanager",
    ),
    "compute": ("manage.py", "service", "compute", "--host", "h1"),
    "network by celery": ("-m", "celery", "-A", "cloudweb", "worker", "-Q", "network.h1"),
}  # fmt: skip


@pytest.fixture
def stage(tmp_path: Path, redis_socket: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("CLOUDWEB_TIME_SCALE", "0.5")
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)  # each finds its own
    # the processes read the secrets on disk; an earlier test may have cached those of its own place
    monkeypatch.setenv("CLOUDWEB_VAR", str(settings.VAR))
    signer.cache_clear()
    with Processes(tmp_path, f"redis+socket://{redis_socket}") as processes:
        yield Stage(tmp_path, processes)
    connections.close_all()


def _environment(stage: Stage) -> dict[str, str]:
    """Return what makes a process of its own part of the test's cloud."""
    url = os.environ.get("DATABASE_URL", "")
    name = connection.settings_dict["NAME"]
    url = f"{url.rpartition('/')[0]}/{name}" if "postgres" in url else f"sqlite:///{name}"
    return {
        "DATABASE_URL": url,
        "BROKER_URL": stage.processes.broker_url,
        "CLOUDWEB_VAR": str(settings.VAR),
        "CLOUDWEB_HOST_DIR": str(stage.directory / "h1"),
        "SECRET_KEY": settings.SECRET_KEY,
        "DRIVERS": "fake",
        "CLOUDWEB_TIME_SCALE": "0.5",
    }


def test_one_process_for_each_service(stage: Stage) -> None:
    with ExitStack() as ends:
        environment = _environment(stage)
        for name, words in COMMANDS.items():
            log = stage.directory / f"{name}.log"
            child = process.start_child(sys.executable, *words, log=log, env=environment, cwd=ROOT)
            ends.callback(child.wait, 20)
            ends.callback(child.terminate)
        stage.wait(lambda: Service.objects.filter(is_up=True, host="h1").count() == 2, 90)
        server = stage.built()
        assert Instance.objects.get(id=server).host == "h1"
