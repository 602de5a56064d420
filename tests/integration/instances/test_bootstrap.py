"""The first contents of a cloud come once, however often it is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudweb.context import RequestContext
from compute.manager import FlavorManager
from image.changes import Change
from image.exceptions import ImageNotFound
from image.manager import ImageManager
from instances.bootstrap import bootstrap
from instances.demo_image import IMAGE_ID
from network.manager import NetworkManager, SubnetManager

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
SYSTEM = RequestContext.system()


@pytest.fixture(autouse=True)
def _scratch(tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR = tmp_path  # type: ignore[attr-defined]
    settings.IMAGE_STORE = tmp_path / "images"  # type: ignore[attr-defined]
    monkeypatch.setenv("CLOUDWEB_VAR", str(tmp_path))
    monkeypatch.setenv("DRIVERS", "fake")
    monkeypatch.setenv("HOST_NAME", "h1")


def contents() -> dict[str, list[str]]:
    pages = {
        "networks": NetworkManager(SYSTEM).list(),
        "subnets": SubnetManager(SYSTEM).list(),
        "flavors": FlavorManager(SYSTEM).list(),
        "images": ImageManager(SYSTEM).list(limit=100),
    }
    return {name: sorted(str(row.pk) for row in page.rows) for name, page in pages.items()}


def test_the_second_start_changes_nothing(tmp_path: Path) -> None:
    logins = bootstrap(say=print)
    first, credentials = contents(), (tmp_path / "clouds.yaml").read_text()
    assert all(first.values())
    assert bootstrap(say=print) == logins
    assert contents() == first
    assert (tmp_path / "clouds.yaml").read_text() == credentials
    assert (tmp_path / "hosts" / "h1" / "credentials" / "host.key").exists()


def test_a_demo_image_that_was_deleted_stays_deleted() -> None:
    bootstrap(say=print)
    ImageManager(SYSTEM).delete(IMAGE_ID)
    bootstrap(say=print)
    with pytest.raises(ImageNotFound):
        ImageManager(SYSTEM).get(IMAGE_ID)


def test_an_upload_that_was_cut_short_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ImageManager, "upload", cut)
        with pytest.raises(KeyboardInterrupt):
            bootstrap(say=print)
    bootstrap(say=print)
    assert ImageManager(SYSTEM).get(IMAGE_ID).status == "active"


def test_the_demo_image_says_whom_its_guests_let_in_on_an_older_cloud_too() -> None:
    def told() -> str | None:
        return ImageManager(SYSTEM).get(IMAGE_ID).custom_properties.get("os_admin_user")

    bootstrap(say=print)
    assert told() == "demo"
    ImageManager(SYSTEM).update(IMAGE_ID, [Change("remove", "os_admin_user")])
    bootstrap(say=print)
    assert told() == "demo"
