"""An operator exchanges a server's volume on its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import lab
from volume.models import Volume

pytestmark = pytest.mark.django_db(transaction=True)


def test_another_volume_takes_a_volume_s_place(tmp_path: Path) -> None:
    with lab(tmp_path) as home:
        server, old = home.create(), home.make_volume(name="old", size=2)
        home.make_volume(name="small", size=1)
        path = f"/servers/{server}/os-volume_attachments"
        home.send("POST", path, {"volumeAttachment": {"volumeId": old}})
        home.cloud.settle()
        page, at = f"/servers/{server}", f"/servers/{server}/volumes/{old}/swap"
        member = browser_of(make_member("member", project=home.project, password=PASSWORD))
        assert at not in member.get(page).content.decode()
        browser = browser_of(make_member("admin", project=home.project, password=PASSWORD))
        assert at in browser.get(page).content.decode()
        new = home.make_volume(name="new", size=3)
        asked = text_of(browser.get(at))
        assert "new · 3 GiB" in asked
        assert "small" not in asked
        assert member.post(at, {"volume": new}).status_code != 302
        assert browser.post(at, {"volume": old}).status_code == 422
        assert browser.post(at, {"volume": new}).status_code == 302
        home.cloud.settle()
        found = {str(one.id): one.status for one in Volume.objects.exclude(name="small")}
        assert found == {old: "available", new: "in-use"}
