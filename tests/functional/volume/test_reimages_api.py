"""Volumes are written anew from images, over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from identity.models import User
from operations.models import Operation
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.images import RAW, make_image
from tests.builders.volumes import (
    EVERYTHING,
    attach,
    make_pool,
    make_volume,
    make_volume_type,
)
from volume.models import Volume

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    make_volume_type()
    return make_member("member")


def reimage(user: User, volume: Volume, image: Any, *, at: str = "3.70", **said: Any) -> int:
    body = {"os-reimage": {"image_id": str(image), **said}}
    answer = client_of(user).send(
        "POST", f"/volume/v3/volumes/{volume.id}/action", body, OpenStack_API_Version=f"volume {at}"
    )
    return int(answer.status_code)


def test_from_which_statuses_and_when(user: User) -> None:
    """Those that nobody uses; one held for a server where that is said. The status is given back."""
    context, pool = make_context(user), make_pool()
    image = make_image(context=context, data=RAW).id
    found = {}
    for status in ("available", "error", "reserved", "in-use", "uploading", "error_restoring"):
        for reserved in (False, True):
            volume = make_volume(context, pool=pool, status=status)
            if status in ("reserved", "in-use"):
                attach(volume, status="reserved" if status == "reserved" else "attached")
                Volume.objects.filter(id=volume.id).update(status=status)
            found[status, reserved] = reimage(user, volume, image, reimage_reserved=reserved)
    begun = {key for key, code in found.items() if code == 202}
    free = {(status, said) for status in ("available", "error") for said in (False, True)}
    assert begun == {*free, ("reserved", True)}
    assert {*found.values()} == {202, 400}
    rows = Volume.objects.filter(status="downloading").values_list("previous_status", flat=True)
    assert sorted(rows) == ["available"] * 4 + ["reserved"]
    assert {*Operation.objects.values_list("kind", flat=True)} == {"volume.reimage"}


def test_what_cannot_be_written_is_said_before_anything_is_touched(user: User) -> None:
    context, pool = make_context(user), make_pool()
    image = make_image(context=context, data=RAW)
    volume = make_volume(context, pool=pool)
    able = [name for name in EVERYTHING if name != "reimage"]
    plain = make_volume(context, pool=make_pool("h2", capabilities=able))
    used = make_volume(context, pool=pool, status="error")
    attach(used, status="attached")
    copied = make_volume(context, pool=pool)
    make_volume(context, pool=pool, source_volume_id=copied.id, status="creating")
    others = make_image(context=make_context(make_member("member")), data=RAW).id
    large = make_image(context=context, data=RAW, min_disk=2).id
    found = {
        "too early": reimage(user, volume, image.id, at="3.67"),
        "no such image": reimage(user, volume, uuid.uuid4()),
        "no id": reimage(user, volume, "x/y"),
        "another project's image": reimage(user, volume, others),
        "an operator, for a project that does not see it": reimage(
            make_member("admin"), volume, others
        ),
        "without data": reimage(user, volume, make_image(context=context).id),
        "too large": reimage(user, volume, large),
        "another word": reimage(user, volume, image.id, force=True),
        "a back end that cannot": reimage(user, plain, image.id),
        "one that a server has": reimage(user, used, image.id),
        "one that is being copied": reimage(user, copied, image.id),
        "another project's volume": reimage(make_member("member"), volume, image.id),
    }
    codes = dict.fromkeys(found, 400)
    assert found == codes | {"too early": 404, "another project's volume": 404}
    assert not Operation.objects.exists()
    assert not Volume.objects.filter(status="downloading").exists()
