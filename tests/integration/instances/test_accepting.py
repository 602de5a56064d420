"""Servers are accepted while others are: nobody waits, no quota is given twice; what they are of may go meanwhile."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from django.db import connection, transaction

from compute.models import Claim
from identity import quotas
from image.models import Image
from instances.manager import InstanceManager
from instances.models import Instance
from network.models import Port
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


def test_the_last_of_a_quota_is_given_once_to_64_clients(tmp_path: Path) -> None:
    with lab(tmp_path) as home:
        quotas.update(str(home.project.pk), "compute", {"instances": 5})

        def asks_four_times() -> list[int]:
            client = client_of(home.user)
            answers = [client.send("POST", "/compute/v2.1/servers", home.body()) for _ in range(4)]
            return [one.status_code for one in answers]

        told = [*chain.from_iterable(at_once([asks_four_times] * 16))]
        assert Counter(told) == {202: 5, 403: 59}
        home.cloud.settle()
        assert Instance.objects.alive().filter(vm_state="active").count() == 5
        assert (
            Claim.objects.count()
            == Port.objects.filter(device_owner__startswith="compute").count()
            == 5
        )


@pytest.mark.parametrize(("rounds", "status"), [(0, "ERROR"), (3, "ACTIVE")])
def test_image_and_flavor_are_deleted_while_a_server_is_built(
    tmp_path: Path, rounds: int, status: str
) -> None:
    """The flavor is in the server's row; the image is missed until its host has it."""
    with lab(tmp_path) as home:
        server = home.create(settle=False)
        for _ in range(rounds):
            home.cloud.pump()
        admin = client_of(make_member("admin"))
        assert home.client.send("DELETE", f"/image/v2/images/{home.image.id}").status_code == 204
        assert admin.send("DELETE", f"/compute/v2.1/flavors/{home.flavor.id}").status_code == 202
        home.cloud.settle()
        shown = home.show(server)
        assert shown["status"] == status
        assert ("fault" in shown) is (status == "ERROR")
        assert Claim.objects.count() == (status == "ACTIVE")
