"""``personality``: files that a server's user sends along reach the guest by its config drive."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.objects import GuestSpec
from identity import quotas
from instances import quota
from instances.models import Instance
from operations.models import Debt, Operation, Step
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "this is between the user and the guest"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def file(path: str = "/etc/banner", text: str = WORDS) -> dict[str, str]:
    return {"path": path, "contents": base64.b64encode(text.encode()).decode()}


def test_files_reach_the_guest_and_nobody_else(
    home: Lab, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    spawned: list[GuestSpec] = []
    driver = home.guests["h1"]
    spawn = driver.spawn
    monkeypatch.setattr(
        driver, "spawn", lambda spec, **more: spawned.append(spec) or spawn(spec, **more)
    )
    contents = base64.encodebytes(
        WORDS.encode()
    ).decode()  # with line ends, as some clients send it
    server_id = home.create(
        personality=[file("/a", ""), {"path": "/etc/banner", "contents": contents}]
    )
    (spec,) = spawned
    assert spec.config_drive is not None
    drive = {path: base64.b64decode(text) for path, text in spec.config_drive.files.items()}
    listed = json.loads(drive["openstack/latest/meta_data.json"])["files"]
    assert [one["path"] for one in listed] == ["/a", "/etc/banner"]
    assert drive[f"openstack{listed[1]['content_path']}"] == WORDS.encode()
    assert home.show(server_id)["config_drive"] == "True"

    secret = base64.b64encode(WORDS.encode()).decode()
    kept = [list(table.objects.values()) for table in (Operation, Step, Debt, Instance)]
    on_disk = [path.read_text() for path in home.cloud.directory.rglob("*.json")]
    for text in (str(kept), *on_disk, str(capfd.readouterr())):
        assert WORDS not in text
        assert secret not in text
    home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}")
    home.cloud.settle()
    assert Instance.objects.get(id=server_id).injected_files == ""


def test_too_many_or_too_large_files_are_refused_in_novas_words(home: Lab) -> None:
    limits = quotas.limits(home.project.id, quota.SERVICE)
    many, long, large = (
        limits[f"injected_file{name}"] for name in ("s", "_path_bytes", "_content_bytes")
    )
    cases = {
        "as many as may be": [file(f"/{n}") for n in range(many)],
        "one too many": [file(f"/{n}") for n in range(many + 1)],
        "a path as long as may be": [file("/" + "p" * (long - 1))],
        "a path too long": [file("/" + "p" * long)],
        "a path of too many bytes": [file("/" + "ö" * (long // 2 + 1))],
        "contents as large as may be": [file(text="x" * large)],
        "contents too large": [file(text="x" * (large + 1))],
    }
    found: dict[str, tuple[int, str]] = {}
    for name, files in cases.items():
        answer = home.client.send(
            "POST", "/compute/v2.1/servers", home.body(name="vm", personality=files)
        )
        body: dict[str, Any] = answer.json()
        found[name] = (answer.status_code, body.get("forbidden", {}).get("message", ""))
        assert WORDS not in answer.content.decode()
    assert found == {
        "as many as may be": (202, ""),
        "one too many": (403, "Personality file limit exceeded"),
        "a path as long as may be": (202, ""),
        "a path too long": (403, f"Personality file path exceeds maximum {long}"),
        "a path of too many bytes": (403, f"Personality file path exceeds maximum {long}"),
        "contents as large as may be": (202, ""),
        "contents too large": (403, f"Personality file content exceeds maximum {large}"),
    }
    quotas.update(home.project.id, quota.SERVICE, {"injected_files": -1})
    answer = home.client.send(
        "POST", "/compute/v2.1/servers", home.body(personality=cases["one too many"])
    )
    assert answer.status_code == 202


def test_what_is_no_base64_is_not_said_again(home: Lab) -> None:
    wrong = [{"path": "/a", "contents": f"{WORDS}!"}]
    answer = home.client.send("POST", "/compute/v2.1/servers", home.body(personality=wrong))
    assert answer.status_code == 400
    assert WORDS not in answer.content.decode()
