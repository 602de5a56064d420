"""Real processes killed by SIGKILL in jobs and their undo, and in the middle of the data.

That every saga of images survives death at each of its steps is proved by its drill (``tests/drills``).
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from image.manager.imports import ImageImportManager
from image.models import Image
from operations.models import Hold, Operation
from operations.testing import KillAt, Processes, check_invariants
from tests.builders import disks
from tests.builders.images import caller, make_image
from tests.builders.stores import file_settings
from tests.builders.web import says, web_server
from tests.infrastructure import PATIENCE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
DISK = disks.qcow2(clusters=[b"data"])

JOB = (
    "start_job.before_commit",
    "start_job.after_commit",
    "job.before",
    "job.after",
    "end_job.before_commit",
    "end_job.after_commit",
)


class Stage:
    """A cloud of one control worker, two stores and a web server."""

    def __init__(self, root: Path, processes: Processes, port: int) -> None:
        self.root, self.processes, self.port = root, processes, port
        self.importer = ImageImportManager(caller("admin"))

    def files(self) -> list[int]:
        places = (self.root / name for name in ("one", "two", "staging"))
        return [sum(path.is_file() for path in place.rglob("*")) for place in places]

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + PATIENCE
        while not ready():
            assert time.monotonic() < limit, f"{what}: {list(Operation.objects.values())}"
            time.sleep(0.02)

    def wait_for_end(self) -> None:
        left = Operation.objects.exclude(state__in=("DONE", "UNDONE"))
        self.wait(lambda: not left.exists(), "it does not end")


def _download(stage: Stage) -> Image:
    image = make_image(disk_format="qcow2")
    stage.importer.start(
        image.id, method="web-download", uri=f"http://127.0.0.1:{stage.port}/", all_stores=True
    )
    return image


def _refused(stage: Stage) -> Image:
    image = make_image(disk_format="vmdk")
    stage.importer.start(image.id, method="web-download", uri=f"http://127.0.0.1:{stage.port}/")
    return image


#: what is done, status at the end, files in each store and in the staging area
SCENARIOS: dict[str, tuple[Callable[[Stage], Image], str, list[int]]] = {
    "download": (_download, "active", [1, 1, 0]),
    "refused": (_refused, "queued", [0, 0, 0]),
}
#: The first job, and (the first of what is refused fails) the first undo that is one.
CASES = [("download", point, 1) for point in JOB] + [("refused", point, 2) for point in JOB[:3]]


@pytest.fixture
def stage(
    tmp_path: Path, redis_socket: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    monkeypatch.setenv("CLOUDWEB_TIME_SCALE", "0.08")
    settings.IMAGE_STORES = {name: file_settings(tmp_path / name) for name in ("one", "two")}
    settings.IMAGE_STAGING = tmp_path / "staging"
    settings.IMAGE_DOWNLOAD_ALLOW = ["127.0.0.1/32"]
    with (
        web_server(says("200 OK", DISK)) as server,
        Processes(tmp_path, f"redis+socket://{redis_socket}") as processes,
    ):
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        yield Stage(tmp_path, processes, server.port)
    connections.close_all()


def check_end(stage: Stage, image: Image, status: str | None, files: list[int]) -> None:
    stage.wait_for_end()
    check_invariants()
    assert not Hold.objects.exists()
    found = Image.objects.filter(id=image.id).first()
    assert (found.status if found else None) == status
    if found is not None:
        assert (found.importing_to, found.size) == ([], len(DISK) if status == "active" else 0)
    assert stage.files() == files


@pytest.mark.parametrize(("name", "point", "count"), CASES)
def test_a_killed_worker_leaves_nothing_behind(
    stage: Stage, tmp_path: Path, name: str, point: str, count: int
) -> None:
    act, status, files = SCENARIOS[name]
    proof = tmp_path / "proof"
    stage.processes.start_control(kill_at=KillAt(point, proof, count))
    image = act(stage)
    stage.wait(lambda: not stage.processes.is_alive("control"), "it is not killed")
    assert proof.read_text().startswith(point)
    stage.processes.start_control()
    check_end(stage, image, status, files)


@pytest.mark.parametrize("point", ["start.before_commit", "start.after_commit"])
def test_a_killed_caller_did_all_or_nothing(stage: Stage, tmp_path: Path, point: str) -> None:
    image = make_image(disk_format="qcow2")
    proof = tmp_path / "proof"

    def begin() -> None:
        stage.importer.start(image.id, method="web-download", uri=f"http://127.0.0.1:{stage.port}/")

    assert stage.processes.call(begin, kill_at=KillAt(point, proof)) == -9
    stage.processes.start_control()
    stage.wait_for_end()
    began = point == "start.after_commit"
    assert Image.objects.get(id=image.id).status == ("active" if began else "queued")
    assert stage.files() == [int(began), 0, 0]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_dies_or_freezes_in_the_middle_of_the_data(
    stage: Stage, tmp_path: Path, settings: Any, how: signal.Signals
) -> None:
    """The second worker downloads anew; a frozen one that thaws finds that it no longer counts.

    What the thawed one does is over when it gives its job up: it is killed there, and leaves proof.
    """
    half, go_on, asked = threading.Event(), threading.Event(), []

    def script(connection: socket.socket, head: str) -> None:
        asked.append(head)
        if len(asked) > 1:
            says("200 OK", DISK)(connection, head)
            return
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(DISK)}\r\n\r\n".encode())
        connection.sendall(DISK[: len(DISK) // 2])
        half.set()
        go_on.wait(PATIENCE)
        connection.sendall(DISK[len(DISK) // 2 :])

    image = make_image(disk_format="qcow2")
    with web_server(script) as server:
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        gave_up = tmp_path / "proof"
        stage.processes.start_control("control-1", kill_at=KillAt("leave_job.before", gave_up))
        stage.importer.start(image.id, method="web-download", uri=server.url)
        assert half.wait(PATIENCE)
        if how == signal.SIGSTOP:
            stage.processes.freeze("control-1")
        else:
            stage.processes.kill("control-1")
        stage.processes.start_control("control-2")
        stage.wait_for_end()
        go_on.set()
        if how == signal.SIGSTOP:
            stage.processes.thaw("control-1")
            stage.wait(lambda: not stage.processes.is_alive("control-1"), "it does not give up")
            assert gave_up.exists()
        check_end(stage, image, "active", [1, 0, 0])
    assert len(asked) == 2
