"""``networks: auto``: a project without any gets one for its first server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from compute.bootstrap import ensure_default_flavors
from instances.models import InstancePort
from network.models import Network
from tests.builders.identity import client_of, make_member
from tests.builders.images import RAW, make_image
from tests.builders.networks import make_pool
from tests.builders.routers import make_external

pytestmark = pytest.mark.django_db


def test_a_project_without_a_network_gets_one(settings: Any, tmp_path: Any) -> None:
    settings.IMAGE_STORE = tmp_path / "images"
    ensure_default_flavors()
    user = make_member("member")
    context = RequestContext.system(project_id=user.default_project_id)
    image = make_image(context=context, data=RAW)
    server = {"name": "vm", "imageRef": str(image.id), "flavorRef": "1", "networks": "auto"}

    def create() -> Any:
        return client_of(user).send(
            "POST",
            "/compute/v2.1/servers",
            {"server": server},
            OpenStack_API_Version="compute 2.37",
        )

    lacking = create()
    assert lacking.status_code == 400
    assert "automatically allocate a network" in lacking.json()["badRequest"]["message"]
    make_external(is_default=True)
    make_pool(RequestContext.system(project_id=uuid.uuid4().hex), is_default=True, shared=True)
    for _ in range(2):
        assert create().status_code == 202
    network = Network.objects.get(project_id=user.default_project_id)
    assert network.name == "auto_allocated_network"
    assert {*InstancePort.objects.values_list("network_id", flat=True)} == {network.id}
