"""The pages of volumes: the list, a new one, one with all that is known of it, growing, deleting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from cloudweb.context import RequestContext
from dashboard.components.volumes import Space, volume_badge
from identity import quotas
from image.models import Image
from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.identity import make_member
from tests.builders.images import make_image
from tests.builders.instances import Lab, lab
from tests.builders.volumes import attach, make_pool, make_snapshot, make_volume, make_volume_type
from volume.models import Snapshot, Volume
from volume.states import VolumeStatus

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


def limit(context: RequestContext, **limits: int) -> None:
    quotas.update(context.scoped_project_id, "volume", limits)


def test_the_list_names_who_has_a_volume(home: Lab, member: Client) -> None:
    used = make_volume(home.context, name="data", size=20)
    attach(used, instance_id=home.create())
    make_volume(home.context, name="spare")
    page = text_of(member.get("/volumes"))
    assert "data In use 20 GiB vm1 Default" in page
    assert "spare Free 1 GiB" in page
    assert "spare" not in text_of(member.get("/volumes?status=in-use"))
    assert "data" not in text_of(member.get("/volumes?q=spa"))


def test_an_encrypted_volume_has_a_lock(home: Lab, member: Client) -> None:
    for encrypted in (False, True):
        volume = make_volume(home.context, encrypted=encrypted)
        page = member.get(f"/volumes/{volume.id}").content.decode()
        assert ("Encrypted on its disks" in page) == encrypted


def test_a_volume_is_made_and_what_is_wrong_stands_at_its_field(home: Lab, member: Client) -> None:
    make_pool()
    kind = make_volume_type()
    form = {"name": "data", "size": "3", "volume_type": str(kind.id)}
    answer = member.post("/volumes/new", form, follow=True)
    assert said(answer) == ["data is being made."]
    made = Volume.objects.get()
    assert (made.name, made.size, made.volume_type) == ("data", 3, kind)
    for body, wrong in {
        "size=": "Say how many GiB.",
        "size=x": "Write a whole number of GiB.",
        "size=0": "greater than or equal to 1",
        "size=4000": "Requested 4000",
    }.items():
        name, _, value = body.partition("=")
        answer = member.post("/volumes/new", {**form, name: value})
        assert (answer.status_code, wrong in text_of(answer)) == (422, True), body
    assert Volume.objects.count() == 1


def test_a_volume_grows_and_never_shrinks(home: Lab, member: Client) -> None:
    pool = make_pool(provisioned=5)
    volume = make_volume(home.context, size=5, pool=pool)
    url = f"/volumes/{volume.id}/grow"
    opened = member.get(url).content.decode()
    assert 'id="grow-box"' in opened
    assert 'min="6"' in opened
    answer = member.post(url, {"size": "5"})
    assert answer.status_code == 422
    assert "It has 5 GiB. It can only grow" in text_of(answer)
    answer = member.post(url, {"size": "8"})
    assert answer.status_code == 302
    volume.refresh_from_db()
    assert (volume.status, volume.wanted_size) == (VolumeStatus.EXTENDING, 8)
    again = member.post(url, {"size": "9"})
    assert again.status_code == 422
    assert "status must be" in text_of(again)


def test_a_fault_and_who_has_it_are_on_its_page(home: Lab, member: Client) -> None:
    volume = make_volume(home.context, fault_message="No pool has room.", status="error")
    page = text_of(member.get(f"/volumes/{volume.id}"))
    assert "No pool has room." in page
    assert "No server has it." in page
    attach(volume, instance_id=home.create(), device="/dev/vdc")
    page = text_of(member.get(f"/volumes/{volume.id}"))
    assert "vm1" in page
    assert "/dev/vdc" in page


def test_what_a_server_has_is_not_deleted(home: Lab, member: Client) -> None:
    volume = make_volume(home.context)
    attach(volume, instance_id=home.create())
    answer = member.post(f"/volumes/{volume.id}/delete")
    assert answer.status_code == 400
    assert Volume.objects.get().status == VolumeStatus.IN_USE
    Volume.objects.update(status=VolumeStatus.AVAILABLE)
    volume.attachments.all().delete()
    answer = member.post(f"/volumes/{volume.id}/delete", follow=True)
    assert said(answer) == ["a volume is being deleted."]


def test_a_volume_goes_into_a_server_and_comes_out(home: Lab, member: Client) -> None:
    server = home.create()
    volume = make_volume(home.context, pool=make_pool(provisioned=1))
    url = f"/volumes/{volume.id}"
    assert "vm1" in member.get(f"{url}/attach").content.decode()
    assert member.post(f"{url}/attach", {"server": "x"}).status_code == 422
    answer = member.post(f"{url}/attach", {"server": server})
    assert answer.status_code == 302
    [attachment] = volume.attachments.all()
    assert (str(attachment.instance_id), attachment.status) == (server, "reserved")
    assert "vm1" in text_of(member.get(url))
    refused = member.post(f"{url}/servers/{server}/detach", headers={"HX-Request": "true"})
    assert (refused.status_code, "already" in refused.headers["HX-Trigger"]) == (400, True)


def test_snapshots_are_taken_and_deleted_on_its_page(home: Lab, member: Client) -> None:
    volume = make_volume(home.context, pool=make_pool(provisioned=1))
    url = f"/volumes/{volume.id}"
    assert member.post(f"{url}/snapshots/new", {"name": ""}).status_code == 422
    assert member.post(f"{url}/snapshots/new", {"name": "before"}).status_code == 302
    taken = Snapshot.objects.get()
    assert (taken.name, taken.status) == ("before", "creating")
    kept = make_snapshot(make_volume(home.context, name="other"), name="kept")
    page = text_of(member.get(url))
    assert "before" in page
    assert "kept" not in page
    there = f"/volumes/{kept.volume_id}/snapshots/{kept.id}"
    assert member.post(f"{there}/delete").status_code == 302
    kept.refresh_from_db()
    assert kept.status == "deleting"


def test_all_volumes_of_a_server_are_snapshotted_together(member: Client, home: Lab) -> None:
    server = home.create()
    url = f"/servers/{server}"
    assert "Snapshot all volumes" not in text_of(member.get(url))
    assert member.post(f"{url}/volumes/snapshot").status_code == 400
    pool = make_pool()
    for name in ("one", "two"):
        attach(make_volume(home.context, name=name, pool=pool), instance_id=server)
    page = text_of(member.get(url))
    assert "Snapshot all volumes one 1 GiB two 1 GiB" in page
    assert member.post(f"{url}/volumes/snapshot").status_code == 302
    taken = Snapshot.objects.all()
    assert sorted(one.volume.name or "" for one in taken) == ["one", "two"]
    taken.update(status="available", consistency="one-moment")
    one = text_of(member.get(f"/volumes/{taken[0].volume_id}"))
    assert "Taken with others, of one moment, as after a power cut." in one


def test_every_status_has_a_badge() -> None:
    texts = {status: volume_badge(Volume(status=status)).text for status in VolumeStatus.values}
    assert texts["available"] == "Free"
    assert texts["error_extending"] == "Error"
    assert texts["backing-up"] == "Backing up"
    assert all(texts.values())


def test_the_slider_ends_where_the_quota_does() -> None:
    ends = {
        "no limit": Space(0, None, None, own=10),
        "quota": Space(90, 100, None, own=10),
        "one volume": Space(0, 1000, 50, own=10),
        "nothing left": Space(100, 100, None, own=10),
    }
    assert {name: one.slides_to for name, one in ends.items()} == {
        "no limit": 1024,
        "quota": 20,
        "one volume": 50,
        "nothing left": 11,
    }


def test_a_volume_becomes_an_image_from_its_page(home: Lab, member: Client) -> None:
    volume = make_volume(home.context, name="data", pool=make_pool())
    at = f"/volumes/{volume.id}"
    assert "Upload to image" in text_of(member.get(at))
    assert "open data-open" in member.get(f"{at}/image").content.decode()
    assert member.post(f"{at}/image", {"name": "", "disk_format": "raw"}).status_code == 422
    answer = member.post(f"{at}/image", {"name": "golden", "disk_format": "qcow2"}, follow=True)
    assert said(answer) == ["golden is being made."]
    image = Image.objects.get(name="golden")
    assert (image.disk_format, image.project_id) == ("qcow2", volume.project_id)
    assert answer.redirect_chain[-1][0] == f"/images/{image.id}"
    page = text_of(member.get(at))
    assert "Uploading" in page
    assert "Upload to image" not in page
    secret = make_volume(home.context, encrypted=True, pool=volume.pool)
    assert "Upload to image" not in text_of(member.get(f"/volumes/{secret.id}"))


def test_an_image_is_written_over_a_volume_that_no_server_has(home: Lab, member: Client) -> None:
    pool = make_pool(capabilities=["reimage"])
    volume = make_volume(home.context, name="data", pool=pool)
    image = make_image(context=home.context, data=bytes(1024), name="golden")
    at = f"/volumes/{volume.id}"
    assert "Write anew" in text_of(member.get(at))
    assert f'value="{image.id}"' in member.get(f"{at}/reimage").content.decode()
    answer = member.post(f"{at}/reimage", {"image": "x"})
    assert answer.status_code == 422
    answer = member.post(f"{at}/reimage", {"image": str(image.id)}, follow=True)
    assert said(answer) == ["data is written anew."]
    assert "Copying its image" in text_of(answer)
    assert f'href="{at}/reimage"' not in answer.content.decode()
    answer = member.post(f"{at}/reimage", {"image": str(image.id)})
    assert (answer.status_code, "must be available" in text_of(answer)) == (422, True)
    other = make_volume(home.context, pool=make_pool("h2", capabilities=[]))
    assert "Write anew" not in text_of(member.get(f"/volumes/{other.id}"))
    answer = member.get(f"/volumes/{other.id}/reimage")
    assert (answer.status_code, "Write an image" in text_of(answer)) == (200, False)


def test_a_volume_becomes_of_another_type_where_it_is_or_elsewhere(
    home: Lab, member: Client
) -> None:
    volume = make_volume(home.context, name="data", pool=make_pool())
    same = make_volume_type("same")
    far = make_volume_type("far", extra_specs={"volume_backend_name": "other"})
    at = f"/volumes/{volume.id}"
    page = member.get(f"{at}/type").content.decode()
    assert f'value="{same.id}"' in page
    assert f'value="{volume.volume_type_id}"' not in page
    answer = member.post(f"{at}/type", {"volume_type": str(same.id)}, follow=True)
    assert said(answer) == ["data is of another type now."]
    answer = member.post(f"{at}/type", {"volume_type": str(far.id)})
    assert answer.status_code == 422
    assert "cannot be of type far where it is" in text_of(answer)
    moved = {"volume_type": str(far.id), "move": "on"}
    answer = member.post(f"{at}/type", moved, follow=True)
    assert said(answer) == ["data moves in order to be of another type."]
    page = text_of(member.get(at))
    assert "moves to be of far" in page
    assert "Retyping" in page
    limit(home.context, volumes_far=0)
    other = make_volume(home.context, pool=volume.pool)
    answer = member.post(f"/volumes/{other.id}/type", moved)
    assert (answer.status_code, "Quota exceeded" in text_of(answer)) == (422, True)
