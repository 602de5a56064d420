"""Image records: who may do what, patches, lists."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, Forbidden, InvalidInput, NotFound, PolicyNotAuthorized
from identity.models import Project
from image.changes import Change
from image.exceptions import (
    AttributeForbidden,
    ImageConflict,
    ImageIdTaken,
    ImageNotFound,
    ImageProtected,
    NotYourImage,
    PropertyMissing,
    TooManyDetails,
)
from image.filters import ImageFilter
from image.manager import ImageManager
from image.models import Image, ImageProperty
from tests.builders.images import OTHER, PROJECT, RAW, caller, make_image

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Any) -> None:
    settings.IMAGE_STORE = tmp_path / "images"


def names(context: RequestContext, wanted: ImageFilter | None = None, **options: Any) -> list[str]:
    return [image.name for image in ImageManager(context).list(wanted=wanted, **options).rows]


def test_create_records_what_was_asked() -> None:
    image = make_image(
        name="demo", tags=["b", "a", "a"], min_ram=64, hw_disk_bus="virtio", os_hidden=True
    )
    assert (image.status, image.visibility, image.project_id) == ("queued", "shared", PROJECT)
    assert (image.tag_names, image.custom_properties) == (["a", "b"], {"hw_disk_bus": "virtio"})
    assert (image.min_ram, image.os_hidden, image.protected) == (64, True, False)


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"name": 5}, InvalidInput),
        ({"name": "a\nb"}, InvalidInput),
        ({"name": "x" * 256}, InvalidInput),
        ({"visibility": "odd"}, InvalidInput),
        ({"protected": "yes"}, InvalidInput),
        ({"min_disk": -1}, InvalidInput),
        ({"min_ram": True}, InvalidInput),
        ({"min_ram": 2**40}, InvalidInput),
        ({"disk_format": "floppy"}, InvalidInput),
        ({"container_format": "box"}, InvalidInput),
        ({"disk_format": "aki", "container_format": "bare"}, BadRequest),
        ({"tags": "one"}, InvalidInput),
        ({"tags": [""]}, InvalidInput),
        ({"tags": [str(n) for n in range(129)]}, TooManyDetails),
        ({f"p{n}": "x" for n in range(129)}, TooManyDetails),
        ({f"p{n}": "x" * 50_000 for n in range(3)}, TooManyDetails),
        ({"colour": 7}, InvalidInput),
        ({"colour": None}, InvalidInput),
        ({"colour": "x" * 70_000}, InvalidInput),
        ({"a\x00b": "x"}, InvalidInput),
        ({"size": 5}, AttributeForbidden),
        ({"status": "active"}, AttributeForbidden),
        ({"checksum": "x"}, AttributeForbidden),
        ({"os_glance_importing": "x"}, AttributeForbidden),
        ({"visibility": "public"}, PolicyNotAuthorized),
        ({"owner": OTHER}, PolicyNotAuthorized),
    ],
)
def test_create_refuses(attributes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ImageManager(caller()).create(attributes=attributes)
    assert not Image.objects.exists()


def test_an_id_is_used_once() -> None:
    manager, wanted = ImageManager(caller()), uuid.uuid4()
    assert manager.create(image_id=wanted).id == wanted
    with pytest.raises(ImageIdTaken):
        manager.create(image_id=wanted)


def test_readers_read_and_do_not_write() -> None:
    image, reader = make_image(data=RAW), ImageManager(caller("reader"))
    assert reader.get(image.id).id == image.id
    for refused in (
        lambda: reader.create(attributes={"name": "x"}),
        lambda: reader.update(image.id, []),
        lambda: reader.delete(image.id),
        lambda: reader.add_tag(image.id, "x"),
        lambda: reader.delete_tag(image.id, "x"),
    ):
        with pytest.raises(PolicyNotAuthorized):
            refused()


def test_private_images_do_not_exist_for_others() -> None:
    image = make_image(data=RAW)
    other = ImageManager(caller("member", OTHER))
    for missing in (
        lambda: other.get(image.id),
        lambda: other.update(image.id, []),
        lambda: other.delete(image.id),
        lambda: other.open(image.id),
        lambda: other.location(image.id),
        lambda: other.add_tag(image.id, "x"),
    ):
        with pytest.raises(ImageNotFound):
            missing()
    assert names(caller("member", OTHER)) == []
    assert names(caller("admin", OTHER)) == ["an image"]


@pytest.mark.parametrize("visibility", ["public", "community"])
def test_shown_images_are_read_only_for_others(visibility: str) -> None:
    image = make_image(context=caller("admin"), visibility=visibility, data=RAW)
    other = ImageManager(caller("member", OTHER))
    other.open(image.id)[1].close()
    assert other.location(image.id).id == str(image.id)
    for refused in (
        lambda: other.update(image.id, []),
        lambda: other.delete(image.id),
        lambda: other.add_tag(image.id, "x"),
        lambda: other.delete_tag(image.id, "x"),
    ):
        with pytest.raises(NotYourImage):
            refused()


def test_community_images_are_listed_when_asked_for() -> None:
    make_image(name="mine")
    make_image(context=caller("member", OTHER), name="theirs", visibility="community")
    make_image(context=caller("admin", OTHER), name="all", visibility="public")
    assert names(caller()) == ["all", "mine"]
    assert names(caller(), ImageFilter(visibility="community")) == ["theirs"]
    assert names(caller(), ImageFilter(visibility="all")) == ["all", "theirs", "mine"]
    assert names(caller(), ImageFilter(visibility="shared")) == ["mine"]
    assert names(caller(), ImageFilter(visibility="public")) == ["all"]


def test_filters() -> None:
    a = make_image(name="a", tags=["x", "y"], data=b"12345", flavour="sweet")
    make_image(name="b", tags=["x"], os_hidden=True)
    make_image(name="c", min_ram=512, protected=True, disk_format="qcow2")

    def found(**conditions: Any) -> list[str]:
        return sorted(names(caller(), ImageFilter(**conditions)))

    assert found() == ["a", "c"]
    assert found(os_hidden=True) == ["b"]
    assert found(any_of={"name": ("a", "b", "nobody")}) == ["a"]
    assert found(any_of={"id": (str(a.id), "no-id")}) == ["a"]
    assert found(any_of={"status": ("queued",)}) == ["c"]
    assert found(any_of={"disk_format": ("raw", "iso")}) == ["a"]
    assert found(tags=("x", "y")) == ["a"]
    assert found(tags=("x", "z")) == []
    assert found(size_min=5, size_max=5) == ["a"]
    assert found(size_min=6) == []
    assert found(numbers={"min_ram": 512}) == ["c"]
    assert found(protected=True) == ["c"]
    assert found(project_id=OTHER) == []
    assert found(properties={"flavour": "sweet"}) == ["a"]
    assert found(properties={"flavour": "sour"}) == []
    hour = timedelta(hours=1)
    assert found(times=(("created_at", "gt", a.created_at - hour),)) == ["a", "c"]
    assert found(times=(("created_at", "lt", a.created_at - hour),)) == []
    assert "a" in found(times=(("created_at", "eq", a.created_at.replace(microsecond=0)),))
    assert "a" not in found(times=(("created_at", "neq", a.created_at),))


def test_pages_walk_the_whole_list_once() -> None:
    for number in range(7):
        make_image(name=f"i{number % 3}")
    manager = ImageManager(caller())
    for order in (("-created_at", "-id"), ("name", "-created_at", "-id")):
        seen: list[Image] = []
        marker, more = None, True
        while more:
            page = manager.list(order=order, marker=marker, limit=3)
            seen += page.rows
            marker, more = str(page.rows[-1].id), page.more
        assert [image.id for image in seen] == list(
            Image.objects.order_by(*order).values_list("id", flat=True)
        )


def test_markers() -> None:
    make_image()
    manager = ImageManager(caller())
    assert manager.list(marker=str(uuid.uuid4())).rows == []
    with pytest.raises(BadRequest):
        manager.list(marker="not an id")


def test_a_page_costs_the_same_for_one_and_for_many(django_assert_num_queries: Any) -> None:
    manager = ImageManager(caller())
    for _ in range(20):
        make_image(tags=["a", "b"], colour="red", size_class="s")
    with django_assert_num_queries(3):
        for image in manager.list(limit=20).rows:
            assert image.tag_names
            assert image.custom_properties
    with django_assert_num_queries(3):
        manager.list(limit=1)


def patched(
    image: Image, *changes: tuple[Any, ...], context: RequestContext | None = None
) -> Image:
    return ImageManager(context or caller()).update(image.id, [Change(*one) for one in changes])


def test_a_patch_changes_all_it_names() -> None:
    image = make_image(tags=["old"], colour="red", taste="sweet")
    after = patched(
        image,
        ("replace", "name", "new"),
        ("replace", "tags", ["one", "two"]),
        ("add", "colour", "blue"),
        ("remove", "taste"),
        ("add", "size_class", "xl"),
        ("replace", "protected", True),
        ("replace", "min_disk", 3),
        ("replace", "disk_format", "qcow2"),
    )
    assert (after.name, after.tag_names, after.protected, after.min_disk, after.disk_format) == (
        "new", ["one", "two"], True, 3, "qcow2",
    )  # fmt: skip
    assert after.custom_properties == {"colour": "blue", "size_class": "xl"}
    assert after.updated_at > image.updated_at


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("replace", "nothing", "x"), PropertyMissing),
        (("remove", "nothing"), PropertyMissing),
        (("remove", "name"), AttributeForbidden),
        (("remove", "size"), AttributeForbidden),
        (("replace", "status", "active"), AttributeForbidden),
        (("replace", "id", "x"), AttributeForbidden),
        (("add", "locations", []), AttributeForbidden),
        (("replace", "visibility", "public"), PolicyNotAuthorized),
        (("replace", "owner", OTHER), PolicyNotAuthorized),
        (("replace", "min_ram", "many"), InvalidInput),
        (("add", "colour", 5), InvalidInput),
        (("replace", "disk_format", "ari"), BadRequest),
    ],
)
def test_a_patch_that_cannot_be_changes_nothing(
    change: tuple[Any, ...], error: type[Exception]
) -> None:
    image = make_image()
    with pytest.raises(error):
        patched(image, ("replace", "name", "changed"), ("add", "new", "x"), change)
    after = ImageManager(caller()).get(image.id)
    assert (after.name, after.custom_properties) == ("an image", {})


def test_admins_publish_and_give_away() -> None:
    image = make_image()
    admin = caller("admin", OTHER)
    patched(image, ("replace", "visibility", "public"), context=admin)
    patched(image, ("replace", "owner", OTHER), context=admin)
    assert Image.objects.get().project_id == OTHER
    with pytest.raises(NotYourImage):
        patched(image, ("replace", "name", "x"))


def test_formats_stand_once_there_is_data() -> None:
    image = make_image(data=RAW)
    with pytest.raises(AttributeForbidden):
        patched(image, ("replace", "disk_format", "qcow2"))
    assert patched(image, ("replace", "disk_format", "raw")).disk_format == "raw"


def test_tags_are_a_set() -> None:
    image, manager = make_image(), ImageManager(caller())
    manager.add_tag(image.id, "blue")
    manager.add_tag(image.id, "blue")
    assert manager.get(image.id).tag_names == ["blue"]
    manager.delete_tag(image.id, "blue")
    with pytest.raises(NotFound):
        manager.delete_tag(image.id, "blue")
    for number in range(128):
        manager.add_tag(image.id, f"tag {number}")
    with pytest.raises(TooManyDetails):
        manager.add_tag(image.id, "one more")
    manager.add_tag(image.id, "tag 5")


def test_protected_images_stay() -> None:
    image, manager = make_image(protected=True), ImageManager(caller())
    with pytest.raises(ImageProtected):
        manager.delete(image.id)
    patched(image, ("replace", "protected", False))
    manager.delete(image.id)
    with pytest.raises(ImageNotFound):
        manager.get(image.id)
    assert names(caller()) == []


def test_deactivated_data_is_for_operators() -> None:
    image = make_image(data=RAW)
    with pytest.raises(PolicyNotAuthorized):
        ImageManager(caller("reader")).deactivate(image.id)
    operator = ImageManager(caller("admin", OTHER))
    operator.deactivate(image.id)
    operator.deactivate(image.id)
    with pytest.raises(Forbidden):
        ImageManager(caller()).open(image.id)
    with pytest.raises(Forbidden):
        ImageManager(caller()).location(image.id)
    operator.open(image.id)[1].close()
    operator.reactivate(image.id)
    ImageManager(caller()).open(image.id)[1].close()
    with pytest.raises(ImageConflict):
        operator.deactivate(make_image().id)


def test_owners_withhold_their_images_and_nobody_elses() -> None:
    mine, others = make_image(data=RAW), make_image(context=caller("admin", OTHER), data=RAW)
    Image.objects.filter(id=others.id).update(visibility="public")
    ImageManager(caller()).deactivate(mine.id)
    with pytest.raises(Forbidden):
        ImageManager(caller()).open(mine.id)
    ImageManager(caller()).reactivate(mine.id)
    for action in (ImageManager(caller()).deactivate, ImageManager(caller()).reactivate):
        with pytest.raises(NotYourImage):
            action(others.id)


def test_operators_see_the_images_of_a_project_that_is_gone() -> None:
    image = make_image(context=caller(project_id="f" * 32))
    assert not Project.objects.filter(id=image.project_id).exists()
    operator = caller("admin", OTHER)
    assert ImageManager(operator).get(image.id).project_id == "f" * 32
    assert names(operator) == [image.name]
    ImageManager(operator).delete(image.id)


def test_an_unscoped_caller_sees_nothing() -> None:
    make_image()
    unscoped = RequestContext(user_id="u", roles=frozenset({"reader"}))
    with pytest.raises(Forbidden):
        ImageManager(unscoped).list()


def test_the_properties_of_an_image_have_a_length_together() -> None:
    image = make_image(**{f"p{n}": "x" * 60_000 for n in range(2)})
    manager = ImageManager(caller())
    with pytest.raises(TooManyDetails, match="characters together"):
        manager.update(image.id, [Change("add", "more", "x" * 60_000)])
    ImageProperty.objects.create(image=image, name="older", value="x" * 60_000)
    manager.update(image.id, [Change("replace", "p0", "y" * 60_000)])  # it is no more than it was
    manager.update(image.id, [Change("remove", "older")])
    assert manager.get(image.id).custom_properties.keys() == {"p0", "p1"}
