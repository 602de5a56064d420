"""A database from its first minute to its last over REST, in a cloud on fake drivers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.x509 import load_pem_x509_certificate

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from databases import fake_guest, rpc
from databases.mail import payload_of
from databases.mailbox.guests import enrol
from databases.mailbox.reports import take
from databases.manager import DatabaseInstanceManager, PointInTimeManager, replicas
from databases.manager.parts_project import ensure_parts_project
from databases.models import (
    BackupStrategy,
    DatabaseInstance,
    DatastoreVersion,
    FakeGuest,
    GuestAgent,
    Letter,
    PartsProject,
)
from databases.objects import GuestReport, Metrics
from identity.manager import ProjectManager
from identity.models import Project, User
from image.changes import Change
from image.manager import ImageManager
from instances.manager import InstanceManager
from instances.models import Instance
from network.models import SecurityGroupRule
from operations.testing import cloud
from tests.builders.databases import (
    make_configuration,
    make_database_backup,
    make_datastores,
    make_fake_guest,
    make_instance,
)
from tests.builders.identity import ApiClient, client_of, make_member, make_project
from tests.builders.images import RAW, make_image
from tests.builders.instances import Lab
from tests.drills.databases import lab_of_databases, larger

pytestmark = pytest.mark.django_db(transaction=True)
V1 = "/database/v1.0"
CLOUD = RequestContext.system()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab_of_databases(tmp_path) as running:
        yield running


@pytest.fixture
def user() -> User:
    return make_member("member")


@pytest.fixture
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databases.conf.GUESTS", "fake")


def body(made: Lab, **overrides: Any) -> dict[str, Any]:
    """A create's body, as the openstack command sends it."""
    instance = {
        "name": "db1",
        "flavorRef": made.flavor.id,
        "volume": {"size": 1, "type": None},
        "datastore": {"type": "postgresql", "version": "15"},
        "nics": [{"network_id": str(made.network.id)}],
        "databases": [{"name": "d1"}],
        "users": [{"name": "u1", "password": "correct horse", "databases": [{"name": "d1"}]}],
        "access": {"is_public": False},
        **overrides,
    }
    return {"instance": instance}


def test_from_first_to_last(made: Lab) -> None:
    client = made.client
    answer = client.send("POST", f"{V1}/instances", body(made))
    assert answer.status_code == 200, answer.content
    shown = answer.json()["instance"]
    assert (shown["status"], shown["operating_status"]) == ("BUILD", "NEW")
    place = f"{V1}/instances/{shown['id']}"
    refused = client.send("DELETE", place)
    assert (refused.status_code, [*refused.json()]) == (422, ["unprocessableEntity"])
    made.cloud.settle()
    shown = client.send("GET", place).json()["instance"]
    assert (shown["status"], shown["operating_status"]) == ("ACTIVE", "HEALTHY")
    row = DatabaseInstance.objects.get()
    rules = SecurityGroupRule.objects.filter(security_group=row.group_id, direction="ingress")
    assert {one.port_range_min for one in rules} == {5432}
    assert shown["ip"] == row.addresses
    assert row.first_contents == ""
    hidden = PartsProject.objects.get().parts_project_id
    projects = client.send("GET", "/identity/v3/auth/projects").json()["projects"]
    assert hidden not in {one["id"] for one in projects}
    assert client.send("GET", "/compute/v2.1/servers").json()["servers"] == []
    access = {"instance": {"access": {"is_public": False, "allowed_cidrs": ["10.9.0.0/16"]}}}
    assert client.send("PUT", place, access).status_code == 202
    assert [one.remote_ip_prefix for one in rules.all()] == ["10.9.0.0/16"]
    access["instance"]["access"]["require_tls"] = True
    assert client.send("PUT", place, access).status_code == 202
    made.cloud.settle()
    said = [payload_of(one) for one in Letter.objects.filter(method=rpc.APPLY_CONFIGURATION.name)]
    assert [one.require_tls for one in said] == [True]
    ssl = client.send("GET", f"{place}/ssl").json()["ssl"]
    assert (ssl["enabled"], ssl["required"], "valid_until" in ssl) == (True, True, True)
    shows = load_pem_x509_certificate(row.fake_guest.state["certificate"].encode())
    shows.verify_directly_issued_by(load_pem_x509_certificate(ssl["authority"].encode()))

    def act(value: Any) -> dict[str, Any]:
        answer = client.send("POST", f"{place}/action", value)
        assert answer.status_code == 202, answer.content
        busy = client.send("POST", f"{place}/action", {"restart": {}})
        assert busy.status_code == 422
        assert "is not currently available for an action" in str(busy.json())
        made.cloud.settle()
        found: dict[str, Any] = client.send("GET", place).json()["instance"]
        assert found["status"] == "ACTIVE", found
        return found

    act({"restart": {}})
    assert act({"resize": {"volume": {"size": 2}}})["volume"]["size"] == 2
    flavor = larger(made)
    assert (
        act({"resize": {"flavorRef": f"http://cloud/flavors/{flavor}"}})["flavor"]["id"] == flavor
    )
    small = client.send("POST", f"{place}/action", {"resize": {"volume": {"size": 1}}})
    assert small.status_code == 400
    less = client.send("POST", f"{place}/action", {"resize": {"flavorRef": made.flavor.id}})
    assert less.status_code == 400
    assert "A disk does not shrink" in str(less.json())
    assert client.send("DELETE", place).status_code == 202
    assert client.send("GET", place).json()["instance"]["status"] == "SHUTDOWN"
    made.cloud.settle()
    assert client.send("GET", place).status_code == 404


def lost(*_told: Any) -> None:
    raise fake_guest.Refused("The volume holds no data of this datastore.")


def test_what_operators_do_to_a_server_shows(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    key = made.client.send("POST", f"{V1}/instances", body(made)).json()["instance"]["id"]
    made.cloud.settle()
    row = DatabaseInstance.objects.get()
    operator = client_of(make_member("admin"))
    place, watcher = f"{V1}/mgmt/instances/{key}/action", DatabaseInstanceManager(CLOUD)

    def shown() -> str:
        watcher.follow_servers()
        found = made.client.send("GET", f"{V1}/instances/{key}").json()["instance"]
        return f"{found['status']} {found['operating_status']}"

    def act(value: dict[str, Any]) -> str:
        assert operator.send("POST", place, value).status_code == 202
        made.cloud.settle()
        return shown()

    assert made.client.send("POST", place, {"stop": {}}).status_code == 403
    for bad in ({"fly": {}}, {"stop": {}, "reboot": {}}, {"migrate": {"host": "nowhere"}}, []):
        assert operator.send("POST", place, bad).status_code == 400
    assert act({"stop": {}}) == "ACTIVE SHUTDOWN"
    assert act({"restart": {}}) == "ACTIVE HEALTHY"
    assert act({"reboot": {}}) == "ACTIVE HEALTHY"
    assert operator.send("POST", place, {"rebuild": {"image_id": key}}).status_code == 400
    PointInTimeManager(CLOUD).keep(key, enabled=True)
    made.cloud.settle()
    assert act({"rebuild": {"image_id": str(made.image.id)}}) == "ACTIVE HEALTHY"
    assert FakeGuest.objects.get().state["log"]
    listed = made.client.send("GET", f"{V1}/instances/{key}/databases").json()["databases"]
    assert [one["name"] for one in listed] == ["d1"]
    with monkeypatch.context() as patched:
        patched.setitem(fake_guest._METHODS, rpc.PREPARE.name, lost)  # an image of another release
        assert act({"rebuild": {}}) == "ERROR BUILDING"
        assert act({"rebuild": {}}) == "ERROR BUILDING"
    assert act({"rebuild": {}}) == "ACTIVE HEALTHY"  # what failed is mended by it

    # beside the database: its server is stopped, in error, gone; its guest says what is so
    servers = Instance.objects.filter(id=row.server_id)
    for state, word in (("stopped", "SHUTDOWN"), ("error", "FAILED"), ("deleted", "FAILED")):
        servers.update(vm_state=state)
        assert shown() == f"ACTIVE {word}"
    servers.update(vm_state="active")
    enrol(row)
    agent = GuestAgent.objects.get()
    take(agent, GuestReport(agent_version="1", boot_id="b", datastore="x", status="HEALTHY"))
    assert shown() == "ACTIVE HEALTHY"
    servers.update(vm_state="error")  # what failed about it does not keep it from serving
    assert shown() == "ACTIVE HEALTHY"
    servers.update(vm_state="active")
    GuestAgent.objects.update(reported_at=now() - timedelta(minutes=3))  # without network
    assert shown() == "ACTIVE UNKNOWN"
    full = Metrics(volume_total=1 << 30, volume_used=1 << 30)
    take(agent, GuestReport(agent_version="1", boot_id="b", datastore="x", status="FAILED",
                            error="No space left on the volume.", metrics=full))  # fmt: skip
    found = made.client.send("GET", f"{V1}/instances/{key}").json()["instance"]
    assert (found["operating_status"], found["volume"]["used"]) == ("FAILED", 1.0)


def test_one_whose_guest_died_serves_again_when_it_is_restarted_or_resized(made: Lab) -> None:
    key = made.client.send("POST", f"{V1}/instances", body(made)).json()["instance"]["id"]
    made.cloud.settle()
    server = str(DatabaseInstance.objects.get().server_id)
    operator, place = client_of(make_member("admin")), f"{V1}/mgmt/instances/{key}/action"
    resize = {"flavorRef": larger(made)}
    for client, path, action, said in (
        (made.client, f"{V1}/instances/{key}/action", "restart", {}),
        (operator, place, "reboot", {}),
        (made.client, f"{V1}/instances/{key}/action", "resize", resize),
    ):
        InstanceManager(CLOUD).stop(server)
        made.cloud.settle()
        fake_guest.switch(UUID(key), off=True)
        assert client.send("POST", path, {action: said}).status_code == 202
        made.cloud.settle()
        found = made.client.send("GET", f"{V1}/instances/{key}").json()["instance"]
        assert (found["status"], found["operating_status"]) == ("ACTIVE", "HEALTHY")
        assert Instance.objects.get(id=server).vm_state == "active"


@pytest.mark.usefixtures("_fake")
def test_what_is_inside(user: User) -> None:
    instance, client = make_instance(user), client_of(user)
    make_fake_guest(instance)
    place = f"{V1}/instances/{instance.id}"

    def send(method: str, path: str, said: Any = None, *, status: int = 202) -> Any:
        answer = client.send(method, place + path, said)
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    send("POST", "/databases", {"databases": [{"name": "d2", "character_set": "UTF8"}]})
    listed = send("GET", "/databases?limit=1", status=200)
    assert listed["databases"] == [{"name": "d1"}]
    assert "marker=d1" in listed["links"][0]["href"]
    send("POST", "/users", {"users": [{"name": "u2", "password": "a long password"}]})
    send("PUT", "/users/u2/databases", {"databases": [{"name": "d2"}]})
    shown = send("GET", "/users/u2%40%25", status=200)["user"]
    assert shown == {"name": "u2", "host": "%", "databases": [{"name": "d2"}]}
    send("DELETE", "/users/u2/databases/d2")
    assert send("GET", "/users/u2/databases", status=200) == {"databases": []}
    send("PUT", "/users/u2", {"user": {"name": "u3"}})
    send("DELETE", "/users/u3")
    send("DELETE", "/databases/d2")
    for path, said, status in (
        ("/databases", {"databases": [{"name": "postgres"}]}, 400),
        ("/databases", {"databases": [{"name": 'a"; drop'}]}, 400),
        ("/users", {"users": [{"name": "postgres", "password": "a long password"}]}, 400),
        ("/users", {"users": [{"name": "u9", "password": "short"}]}, 400),
        ("/log", {"name": "nothing"}, 404),
        ("/log", {"name": "general", "publish": 1}, 400),
    ):
        send("POST", path, said, status=status)
    send("DELETE", "/users/nobody", status=404)
    assert send("GET", "/root", status=200) == {"rootEnabled": False}
    root = send("POST", "/root", status=200)["user"]
    assert (root["name"], len(root["password"]) >= 24) == ("postgres", True)
    assert send("GET", "/root", status=200) == {"rootEnabled": True}
    send("DELETE", "/root", status=204)
    (log,) = send("GET", "/log", status=200)["logs"]
    assert log["name"] == "general"


@pytest.mark.usefixtures("_fake")
def test_a_guest_that_is_silent_is_told_nothing(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databases.conf.GUESTS", "real")
    monkeypatch.setattr("databases.conf.ANSWER_WITHIN", 0)
    instance = make_instance(user)
    agent = GuestAgent.objects.create(instance=instance, token_until=now())
    for heard_at, left in (
        (None, set()),
        (now() - timedelta(hours=1), set()),
        (now(), {"withdrawn"}),
    ):
        GuestAgent.objects.filter(pk=agent.pk).update(reported_at=heard_at)
        answer = client_of(user).send("GET", f"{V1}/instances/{instance.id}/databases")
        assert answer.status_code == 422
        assert {one.state for one in instance.letters.all()} == left


def test_settings_are_checked(user: User) -> None:
    make_datastores()
    client = client_of(user)

    def create(values: Any) -> Any:
        said = {"configuration": {"name": "c", "values": values}}
        return client.send("POST", f"{V1}/configurations", said)

    made = create({"work_mem": "128", "autovacuum": "off", "random_page_cost": 1.5})
    assert made.status_code == 200, made.content
    shown = made.json()["configuration"]
    assert shown["values"] == {"work_mem": 128, "autovacuum": False, "random_page_cost": 1.5}
    for wrong in (
        {"work_mem": 1},
        {"work_mem": "much"},
        {"work_mem": True},
        {"max_connections": 10**7},
        {"autovacuum": "perhaps"},
        {"log_statement": "some"},
        {"search_path": "a\nb = c"},
        {"random_page_cost": "nan"},
        {"archive_command": "rm -rf /"},
    ):
        assert create(wrong).status_code == 422, wrong
    place = f"{V1}/configurations/{shown['id']}"
    assert client.send("PUT", place, {"configuration": {"values": {"work_mem": 65}}})
    assert client.send("GET", place).json()["configuration"]["values"] == {"work_mem": 65}
    made_here = make_configuration(user)
    make_instance(user, configuration=made_here)
    in_use = client.send("DELETE", f"{V1}/configurations/{made_here.id}")
    assert in_use.status_code == 422
    assert client.send("DELETE", place).status_code == 202


@pytest.mark.usefixtures("_fake")
def test_an_instance_whose_guest_refuses_a_change_keeps_its_configuration(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_asked: Any) -> None:
        raise fake_guest.Refused("not now")

    with cloud(tmp_path) as running:
        source, kept = make_instance(user), make_configuration(user)
        make_fake_guest(source)
        rows = DatabaseInstance.objects.filter(id=source.id)
        monkeypatch.setitem(fake_guest._METHODS, rpc.APPLY_CONFIGURATION.name, refuse)
        for path, said, after in (
            (f"instances/{source.id}", {"instance": {"configuration": str(kept.id)}}, None),
            (f"configurations/{kept.id}", {"configuration": {"values": {"work_mem": 99}}}, kept.id),
        ):
            rows.update(configuration=after)
            answer = client_of(user).send("PATCH", f"{V1}/{path}", said)
            assert answer.status_code in (200, 202), answer.content
            running.settle()
            found = rows.get()
            assert (found.configuration_id, found.fault_message) == (after, "not now")


def test_settings_leave_room_for_the_replicas_that_are_there(user: User) -> None:
    make_datastores()
    version, client = DatastoreVersion.objects.get(manager="mariadb", name="10.11"), client_of(user)
    few, many = (
        make_configuration(user, version=version, values={"max_connections": number})
        for number in (10, 12)
    )
    source = make_instance(user, version=version)
    for _ in range(6):
        make_instance(user, version=version, replica_of=source)
    place = f"{V1}/instances/{source.id}"
    for configuration, status in ((few, 400), (many, 202)):
        said = {"instance": {"configuration": str(configuration.id)}}
        answer = client.send("PUT", place, said)
        assert answer.status_code == status, answer.content
    assert DatabaseInstance.objects.get(id=source.id).configuration == many
    for values, status in (({"max_connections": 10}, 400), ({"wait_timeout": 60}, 200)):
        said = {"configuration": {"values": values}}
        answer = client.send("PATCH", f"{V1}/configurations/{many.id}", said)
        assert answer.status_code == status, answer.content
    many.refresh_from_db()
    assert many.values == {"max_connections": 12, "wait_timeout": 60}


def test_what_cannot_be_made_is_refused_at_once(made: Lab) -> None:
    client: ApiClient = made.client
    for wrong, status in (
        ({"flavorRef": "none"}, 400),
        ({"flavorRef": None}, 400),
        ({"volume": None}, 400),
        ({"volume": {"size": 5000}}, 400),
        ({"volume": {"size": 100}}, 413),
        ({"datastore": {"type": "oracle"}}, 404),
        ({"datastore": {"type": "postgresql", "version": "9"}}, 404),
        ({"nics": []}, 400),
        ({"nics": [{"network_id": "00000000-0000-0000-0000-000000000000"}]}, 400),
        ({"databases": [{"name": "template1"}]}, 400),
        ({"databases": [{"name": "d1"}, {"name": "d1"}]}, 400),
        (
            {"users": [{"name": "u", "password": "correct horse", "databases": [{"name": "x"}]}]},
            400,
        ),
        ({"access": {"is_public": True, "allowed_cidrs": ["everywhere"]}}, 400),
        ({"modules": ["m"]}, 400),
    ):
        answer = client.send("POST", f"{V1}/instances", body(made, **wrong))
        assert answer.status_code == status, (wrong, answer.content)
    assert not DatabaseInstance.objects.exists()


def test_no_version_is_offered_whose_image_not_all_may_use() -> None:
    make_datastores()
    operator, image = client_of(make_member("admin")), make_image(data=RAW)
    offered = {"datastore_name": "pg", "datastore_manager": "postgresql", "name": "16"}
    wanted = {"version": {**offered, "image": str(image.id), "active": True}}
    place = f"{V1}/mgmt/datastore-versions"
    answer = operator.send("POST", place, wanted)
    assert (answer.status_code, image.visibility) == (400, "shared"), answer.content
    assert "Make it community or public" in answer.json()["badRequest"]["message"]
    version = DatastoreVersion.objects.filter(manager="postgresql").get()
    change = {"image": str(image.id)}
    assert operator.send("PATCH", f"{place}/{version.id}", change).status_code == 400
    opened = Change("replace", "visibility", "community")
    ImageManager(CLOUD).update(str(image.id), changes=[opened])
    assert operator.send("POST", place, wanted).status_code == 202
    assert operator.send("PATCH", f"{place}/{version.id}", change).status_code == 202


@pytest.mark.usefixtures("_fake")
def test_backups_and_replicas(user: User, tmp_path: Path) -> None:
    """All of it by rows and a fake guest; that a server is built for each is told above."""
    client = client_of(user)
    with cloud(tmp_path) as running:
        source = make_instance(user, network_id=uuid4())
        make_fake_guest(source)
        said = {"backup": {"name": "b1", "instance": str(source.id), "incremental": 0}}
        answer = client.send("POST", f"{V1}/backups", said)
        assert answer.status_code == 202, answer.content
        place = f"{V1}/instances/{source.id}"
        assert client.send("GET", place).json()["instance"]["status"] == "BACKUP"
        assert client.send("DELETE", place).status_code == 422
        running.settle()
        full = client.send("GET", f"{V1}/backups/{answer.json()['backup']['id']}").json()["backup"]
        assert (full["status"], full["datastore"]["type"]) == ("COMPLETED", "postgresql")
        said["backup"] |= {"name": "b2", "parent_id": full["id"]}
        more = client.send("POST", f"{V1}/backups", said).json()["backup"]
        assert more["parent_id"] == full["id"]
        running.settle()
        replica = make_instance(user, name="r1", version=source.version, replica_of=source)
        make_fake_guest(replica)
        shown = client.send("GET", place).json()["instance"]
        assert [one["id"] for one in shown["replicas"]] == [str(replica.id)]
        assert client.send("DELETE", place).status_code == 422
        other = f"{V1}/instances/{replica.id}"
        inside = client.send("POST", f"{other}/databases", {"databases": [{"name": "mine"}]})
        assert (inside.status_code, "its source has" in inside.content.decode()) == (422, True)
        wrong = client.send("POST", f"{place}/action", {"promote_to_replica_source": {}})
        assert wrong.status_code == 400
        serves = client.send("POST", f"{place}/action", {"eject_replica_source": {}})
        assert serves.status_code == 400
        third = make_instance(
            user, name="r2", version=source.version, replica_of=source, task="REBOOT"
        )
        make_fake_guest(third)
        others = DatabaseInstance.objects.filter(id=third.id)
        busy = client.send("POST", f"{other}/action", {"promote_to_replica_source": {}})
        assert (busy.status_code, str(third.id) in busy.content.decode()) == (422, True)
        others.update(task="")
        promoted = client.send("POST", f"{other}/action", {"promote_to_replica_source": {}})
        assert promoted.status_code == 202
        busy = client.send("POST", f"{V1}/instances/{third.id}/action", {"restart": {}})
        assert busy.status_code == 422
        running.settle()
        for one in (source, third):
            shown = client.send("GET", f"{V1}/instances/{one.id}").json()["instance"]
            assert (shown["replica_of"]["id"], shown["status"]) == (str(replica.id), "ACTIVE")
        assert Letter.objects.filter(instance=third, method=rpc.DEMOTE.name).exists()
        others.delete()
        long_ago = now() - timedelta(minutes=2)
        DatabaseInstance.objects.filter(id=replica.id).update(reported_at=long_ago)
        ejected = client.send("POST", f"{other}/action", {"eject_replica_source": {}})
        assert ejected.status_code == 202, ejected.content
        running.settle()
        assert "replica_of" not in client.send("GET", place).json()["instance"]
        assert client.send("GET", f"{V1}/clusters").json() == {"clusters": []}


def test_a_backup_and_a_source_are_begun_with(made: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    client = made.client
    first = client.send("POST", f"{V1}/instances", body(made)).json()["instance"]["id"]
    made.cloud.settle()
    backup = make_database_backup(DatabaseInstance.objects.get())
    restored = body(made, name="again", restorePoint={"backupRef": str(backup.id)})
    nothing = {"databases": [], "users": []}
    restored["instance"] |= nothing
    follower = body(made, name="r", replica_of=first, **nothing)
    other = body(made, replica_of=first, datastore={"type": "mariadb", "version": "10.11"})
    other["instance"] |= nothing
    for refused in (body(made, replica_of=first), other):
        assert client.send("POST", f"{V1}/instances", refused).status_code == 400
    with monkeypatch.context() as short:  # no guest is asked to let in more than it can
        short.setattr(replicas, "MOST_FOLLOWERS", 0)
        full = client.send("POST", f"{V1}/instances", follower)
    assert (full.status_code, DatabaseInstance.objects.count()) == (400, 1)
    assert "room for 0 replicas" in full.content.decode()
    for wanted in (restored, follower):
        answer = client.send("POST", f"{V1}/instances", wanted)
        assert answer.status_code == 200, answer.content
    made.cloud.settle()
    rows = DatabaseInstance.objects.order_by("created_at")
    assert [one.status for one in rows] == ["ACTIVE"] * 3
    assert [one.name for one in rows.get(id=first).replicas.all()] == ["r"]
    guest, replica = rows.get(id=first).fake_guest, rows.get(name="r")
    assert guest.state["slots"] == [f"replica_{replica.id.hex}"]
    held = client.send("GET", f"{V1}/instances/{replica.id}/databases").json()["databases"]
    assert [one["name"] for one in held] == ["d1"]
    assert "replicator@%" not in guest.state["users"]  # it is no tenant's
    for end in (
        lambda key: client.send("PATCH", key, {"instance": {"replica_of": None}}),
        lambda key: client.send("DELETE", key),
    ):
        BackupStrategy.objects.update_or_create(
            project_id=replica.project_id, instance_id=str(replica.id), container="c"
        )
        assert end(f"{V1}/instances/{replica.id}").status_code == 202
        made.cloud.settle()
        guest.refresh_from_db()
        assert guest.state["slots"] == []  # it holds up nothing for one that follows no more
        rows.filter(id=replica.id).update(replica_of=first)
        guest.state["slots"] = [f"replica_{replica.id.hex}"]
        guest.save()
    assert not BackupStrategy.objects.exists()  # it went with its database


def test_the_project_of_the_parts_goes_with_its_tenant(user: User) -> None:
    tenant = make_project(name="leaving")
    parts = ensure_parts_project(tenant.pk)
    ProjectManager(RequestContext.system()).delete(tenant.pk)
    assert not Project.objects.filter(pk__in=(tenant.pk, parts)).exists()
    assert not PartsProject.objects.filter(parts_project_id=parts).exists()
