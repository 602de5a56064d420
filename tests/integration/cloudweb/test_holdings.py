"""What hangs on a resource, by the word of an app above, keeps it from being deleted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudweb import holdings
from cloudweb.exceptions import Conflict
from compute.bootstrap import ensure_default_flavors
from compute.manager import FlavorManager
from compute.models import Flavor
from identity.manager import ProjectManager
from image.manager import ImageManager
from network.manager import NetworkManager
from tests.builders.identity import make_context, make_member, make_project
from tests.builders.images import make_image
from tests.builders.networks import make_network

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def hanging() -> Iterator[list[tuple[str, str]]]:
    """Let two volumes hang on everything; give who was asked about what."""
    asked: list[tuple[str, str]] = []
    counts = []
    for noun in ("project", "network", "image", "flavor"):

        def count(resource_id: str, noun: str = noun) -> dict[str, int]:
            asked.append((noun, resource_id))
            return {"volumes": 2, "backups": 0}

        holdings.hangs_on(noun)(count)  # type: ignore[arg-type]
        counts.append((noun, count))
    yield asked
    for noun, count in counts:
        holdings.forget(noun, count)  # type: ignore[arg-type]


def test_it_stays(hanging: list[tuple[str, str]]) -> None:
    admin = make_context(make_member("admin", project=make_project()))
    ensure_default_flavors()
    flavor = Flavor.objects.first()
    assert flavor is not None
    project, network = make_project(), make_network(admin)
    image = make_image(context=admin)
    deletes = {
        ("project", str(project.pk)): lambda: ProjectManager(admin).delete(project.pk),
        ("network", str(network.id)): lambda: NetworkManager(admin).delete(network.id),
        ("image", str(image.id)): lambda: ImageManager(admin).delete(image.id),
        ("flavor", flavor.id): lambda: FlavorManager(admin).delete(flavor.id),
    }
    for delete in deletes.values():
        with pytest.raises(Conflict):
            delete()
    assert set(deletes) <= set(hanging)
    assert holdings.holdings_of("image", str(image.id)) == {"volumes": 2}
    assert Flavor.objects.filter(pk=flavor.pk).exists()
