"""What pages cost: the same number of queries however much there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from databases.models import DatabaseInstance
from identity.models import User
from network.manager import PermissionManager, ReachManager
from network.models import Network, Port, SecurityGroup
from tests.builders.backups import make_backup
from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.databases import (
    make_configuration,
    make_database_backup,
    make_fake_guest,
    make_instance,
)
from tests.builders.identity import make_member
from tests.builders.images import make_image
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_group, make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.builders.volumes import attach, make_volume
from volume.models import Backup, BackupSchedule, Volume

pytestmark = pytest.mark.django_db(transaction=True)
#: Session, user, roles and the projects to switch to are 8 of each whole page.
PAGES = {
    "/": 27,
    "/servers": 14,
    "/images": 11,
    "/key-pairs": 9,
    "/networks": 12,
    "/routers": 19,
    "/networks/{network}": 21,
    "/routers/{router}": 19,
    "/floating-ips": 22,
    "/networks/picture": 22,
    "/security-groups": 13,
    "/security-groups/{group}": 15,
    "/servers/{server}": 30,
    "/volumes": 23,
    "/volumes/{volume}": 23,
    "/backups": 10,
    "/backups/{backup}": 20,
    "/databases": 10,
    "/databases/launch": 19,
    "/databases/backups": 10,
    "/databases/settings": 11,
    "/databases/{database}": 19,
    "/databases/{database}/contents": 39,
    "/databases/{database}/backups": 18,
    "/databases/{database}/replicas": 16,
    "/databases/{database}/settings": 12,
    "/activity": 15,
    "/usage": 10,
    "/servers/launch": 25,
}


def queries(client: Client, page: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(page).status_code == 200
    return [query["sql"] for query in seen.captured_queries]


def permit(context: RequestContext, group: SecurityGroup, port: int) -> None:
    """Let the members of a group reach each other."""
    about = {"protocol": "tcp", "port_range_min": port, "port_range_max": port}
    PermissionManager(context).create(
        security_group_id=group.id, direction="ingress", remote_group_id=group.id, **about
    )


def wear(home: Lab, group: SecurityGroup) -> None:
    """Put all servers into a group."""
    cards = Port.objects.filter(device_owner__startswith="compute:")
    ids = [str(one) for one in cards.values_list("id", flat=True)]
    ReachManager(home.context).attach(group.id, port_ids=ids, device_id="x")


def _attached(context: RequestContext, server: str) -> Volume:
    """Return a volume that a server has."""
    volume = make_volume(context)
    attach(volume, instance_id=server)
    return volume


def _back_up_again(volume: Volume) -> None:
    """Make one more backup that shares blocks with the first, and a schedule."""
    first = Backup.objects.filter(volume_id=volume.id).earliest("created_at")
    make_backup(volume, lineage=first.lineage, parent_id=first.id)
    BackupSchedule.objects.create(
        project_id=volume.project_id, volume=volume, name="nightly", interval=24
    )


def _add_to(database: DatabaseInstance, owner: User) -> None:
    """Give a database a backup and a replica, and its project settings."""
    make_database_backup(database)
    make_instance(owner, replica_of=database)
    make_configuration(owner)


def test_lists_cost_the_same_for_one_and_for_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databases.conf.GUESTS", "fake")
    with lab(tmp_path) as home:
        client = browser_of(make_member("member", project=home.project, password=PASSWORD))
        about = {"server": home.create()}
        outside = make_external()
        subnet = make_subnet(make_network(home.context), home.context)
        router = make_router(home.context, subnets=[subnet], external=outside)
        about |= {"network": str(subnet.network_id), "router": str(router.id)}
        port = make_port(subnet.network, home.context)
        make_floating_ip(home.context, outside, port_id=port.id)
        volume = _attached(home.context, about["server"])
        about["volume"] = str(volume.id)
        about["backup"] = str(make_backup(volume).id)
        owner = make_member("member", project=home.project)
        database = make_instance(owner)
        make_fake_guest(database)
        _add_to(database, owner)
        about["database"] = str(database.id)
        client.post("/key-pairs/new", {"name": "first"})
        client.get("/security-groups")  # the first look at a project makes its default group
        group = make_group(home.context, name="first")
        about["group"] = str(group.id)
        permit(home.context, group, 5432)
        wear(home, group)
        for page in PAGES:
            client.get(page.format(**about))
        one = {page: len(queries(client, page.format(**about))) for page in PAGES}
        for number in range(3):
            home.create(name=f"more-{number}")
            subnet = make_subnet(make_network(home.context), home.context)
            make_router(home.context, subnets=[subnet], external=outside)
            port = make_port(subnet.network, home.context)
            make_floating_ip(home.context, outside, port_id=port.id)
            port = make_port(Network.objects.get(id=about["network"]), home.context)
            make_floating_ip(home.context, outside, port_id=port.id)
            make_image(context=home.context, name=f"more-{number}", data=b"x" * 2048)
            make_backup(_attached(home.context, home.create(name=f"with-{number}")))
            _back_up_again(volume)
            _add_to(database, owner)
            client.post("/key-pairs/new", {"name": f"more-{number}"})
            wear(home, make_group(home.context, name=f"more-{number}"))
            permit(home.context, group, number + 1)
        wear(home, group)
        many = {page: len(queries(client, page.format(**about))) for page in PAGES}
    assert many == one
    assert many == PAGES
