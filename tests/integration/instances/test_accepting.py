"""While a request for many servers is being accepted, nobody else waits for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection, transaction

from image.models import Image
from instances.manager import InstanceManager
from instances.models import Instance
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.instances import lab
from tests.builders.networks import make_network, make_subnet
from tests.builders.servers import wanted_server
from tests.builders.threads import at_once

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.mark.postgresql  # on SQLite whoever writes is alone
def test_others_make_servers_meanwhile_and_its_project_deletes_one(tmp_path: Path) -> None:
    with lab(tmp_path) as home:
        user = make_member("member")
        Image.objects.update(visibility="public")
        network = make_subnet(make_network(make_context(user))).network
        body = home.body(networks=[{"uuid": str(network.id)}])
        old = home.create(name="old")
        wanted = wanted_server(home.flavor, home.image, home.network)

        def others() -> list[int]:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '10s'")
            client = client_of(user)
            answers = [
                client.send("POST", "/compute/v2.1/servers", body),
                home.client.send("DELETE", f"/compute/v2.1/servers/{old}"),
            ]
            home.cloud.settle()
            return [one.status_code for one in answers]

        with transaction.atomic():
            InstanceManager(home.context).create(replace(wanted, min_count=5, max_count=5))
            assert at_once([others]) == [[202, 204]]
        assert Instance.objects.alive().filter(vm_state="active").count() == 1
        home.cloud.settle()
        assert Instance.objects.alive().filter(vm_state="active").count() == 6
