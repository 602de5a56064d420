"""Every page of the dashboard: who gets in, what he sees of others', what his role lets him do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from dashboard.urls import urlpatterns
from dashboard.views.list_page import ListPage
from databases.models import (
    Configuration,
    DatabaseBackupSchedule,
    DatabaseInstance,
    FakeGuest,
)
from image.models import Image
from instances.actions import ACTIONS
from instances.models import ConsoleRecording, Instance, KeyPair, RecordedProject
from network.models import Network, Port, RbacPolicy, Router, RouterPort, SecurityGroup
from tests.builders.backups import make_backup
from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.databases import (
    make_configuration,
    make_database_backup,
    make_fake_guest,
    make_instance,
)
from tests.builders.identity import make_member, make_user
from tests.builders.images import RAW
from tests.builders.instances import Lab, lab
from tests.builders.networks import make_group
from tests.builders.routers import make_router
from tests.builders.volumes import make_volume, make_volume_group
from volume.models import Backup, BackupSchedule, Volume

pytestmark = pytest.mark.django_db(transaction=True)
#: Open to anyone.
PUBLIC = {
    "login",
    "expired_password",
    "logout",
    "logged_out",
    "federated_login",
    "federated_callback",
    "second_step",
    "console_window",
}
#: Routes about one thing: what they are called with.
OF_CONSOLES = {"console_text", "console_log"}
OF_A_SERVER = {
    "server",
    "server_history",
    "server_console",
    "server_trace",
    "server_terminal",
    "server_usage",
    "usage_graphs",
    "server_resize",
    "server_move",
    "server_rebuild",
    "server_rescue",
} | OF_CONSOLES
OF_AN_IMAGE = {"image", "image_live"}
OF_A_GROUP = {"security_group"}
OF_A_VOLUME = {"volume"}
OF_A_VOLUME_GROUP = {"volume_group"}
OF_A_BACKUP = {"backup"}
OF_A_NETWORK = {"network"}
OF_A_ROUTER = {"router"}
OF_A_DATABASE = {
    "database", "database_history", "database_contents", "database_own_backups", "database_replicas",
    "database_authority", "database_settings", "database_size", "database_logs",
}  # fmt: skip
OF_A_CONFIGURATION = {"configuration"}
OF_ONE = (
    OF_A_SERVER
    | OF_AN_IMAGE
    | OF_A_GROUP
    | OF_A_VOLUME
    | OF_A_BACKUP
    | OF_A_NETWORK
    | OF_A_ROUTER
    | OF_A_VOLUME_GROUP
    | OF_A_DATABASE
    | OF_A_CONFIGURATION
)
READABLE = {
    "overview", "overview_live", "servers", "images", "key_pairs", "networks", "routers", "floating_ips",
    "volumes", "volume_groups", "server_groups", "backups", "security_groups", "network_picture",
    "databases", "database_backups", "configurations",
    "account", "activity", "usage", "members",
    "clouds_yaml", "openrc", "api_access", "second_factor", "application_credentials", "new_application_credential",
}  # fmt: skip
#: Managers read these, nobody below; two of them are about one recording.
OF_A_RECORDING = {"console_recording", "console_recording_cast"}
MANAGED = {"console_recordings"} | OF_A_RECORDING
SWITCHES = {"record_consoles", "stop_recording"}
FORMS = {"launch", "new_image", "import_image", "launch_database"}
#: Posts about the image, with what the address says besides.
TO_AN_IMAGE = {
    "delete_image": [], "image_words": [], "image_members": [], "remove_member": ["x"],
    "answer_share": ["accepted"], "withhold_image": ["deactivate"],
}  # fmt: skip
#: Posts about the account, which everyone does for himself.
OWN_POSTS = {
    "begin_second_factor": [], "renew_codes": [], "remove_second_factor": ["x"],
}  # fmt: skip
#: Pages that show what a post before them began.
BEGUN = {"new_second_factor"}
#: Boxes of lists: open for those without scripts, and what they post.
BOXES = {
    "new_network": {"name": "n", "cidr": "10.9.0.0/24"},
    "new_router": {"name": "r"},
    "join_network": {"router": "x", "subnet": "x"},
    "new_floating_ip": {"outside": "x"},
    "lead_floating_ip": {"floating_ip": "x", "port": "x"},
    "private_network": {},
    "new_group": {"name": "n"},
    "new_volume": {"name": "v", "size": "1"},
    "new_server_group": {"name": "g", "policy": "affinity"},
    "new_volume_group": {"name": "g", "group_type": "x"},
    "new_configuration": {"name": "c", "version": "x"},
    "take_volume": {"transfer": str(uuid.UUID(int=1)), "key": "x"},
}
#: Posts about the server's network, and about a group, with what they say.
TO_A_SERVERS_NETWORK = {
    "attach_floating_ip": {"source": "x"}, "detach_floating_ip": {}, "attach_group": {"group": "x"},
    "detach_group": {}, "snapshot_server": {}, "attach_interface": {"what": "x"}, "detach_interface": {},
    "open_console": {"kind": "serial"}, "console_token": {}, "abort_move": {}, "finish_move": {},
    "swap_volume": {"volume": "x"},
}  # fmt: skip
TO_A_GROUP = {
    "new_rule": {"what": "ssh", "whom": "world", "direction": "ingress"},
    "edit_group": {"name": "g"},
}
SCHEDULE = {
    "name": "s", "interval": "24", "full_every": "0", "keep_last": "1", "keep_daily": "0", "keep_weekly": "0",
    "keep_monthly": "0",
}  # fmt: skip
TO_A_VOLUME = {
    "grow_volume": {"size": "9"}, "rename_volume": {"name": "v"}, "delete_volume": {},
    "offer_volume": {}, "withdraw_volume": {}, "attach_volume": {"server": "x"}, "detach_volume": {},
    "upload_volume": {"name": "i", "disk_format": "raw"}, "retype_volume": {"volume_type": "x"},
    "reimage_volume": {"image": "x"},
    "take_snapshot": {"name": "s"}, "revert_volume": {}, "delete_snapshot": {},
    "back_up_volume": {"name": "b", "kind": "full"}, "new_schedule": SCHEDULE, "edit_schedule": SCHEDULE,
    "pause_schedule": {}, "resume_schedule": {}, "delete_schedule": {},
}  # fmt: skip
TO_A_VOLUME_GROUP = {
    "edit_volume_group": {"name": "g"}, "add_volume": {"volume": "x"}, "remove_volume": {},
    "snapshot_volume_group": {"name": "s"}, "copy_volume_group": {"name": "c"},
    "restore_group_snapshot": {}, "delete_group_snapshot": {}, "delete_volume_group": {},
}  # fmt: skip
TO_A_BACKUP = {
    "rename_backup": {"name": "b"}, "restore_backup": {"size": "1"}, "prove_backup": {}, "delete_backup": {},
}  # fmt: skip
TO_A_NETWORK = {
    "edit_network": {"name": "n", "mtu": "1400"}, "delete_network": {}, "add_subnet": {"cidr": "10.9.0.0/24"},
    "delete_subnet": {}, "share_network": {"project": "x"}, "end_sharing": {},
}  # fmt: skip
TO_A_ROUTER = {
    "edit_router": {"name": "n"}, "delete_router": {}, "set_gateway": {"outside": ""},
    "add_interface": {"subnet": "x"}, "remove_interface": {},
    "add_route": {"destination": "10.7.0.0/24", "nexthop": "10.0.0.9"},
    "remove_route": {"destination": "10.7.0.0/24", "nexthop": "10.0.0.9"},
}  # fmt: skip
TO_A_DATABASE = {
    "rename_database": {"name": "n"}, "let_in_database": {"cidrs": "10.0.0.0/8"}, "database_action": {},
    "new_content": {"name": "d"}, "new_database_user": {"name": "u"}, "new_database_password": {"user": "u1"},
    "enable_root": {}, "change_contents": {"user": "u1"}, "back_up_database": {"name": "b"},
    "delete_database_backup": {}, "new_replica": {"name": "r"}, "set_failover": {"after": "60"},
    "configure_database": {"configuration": ""}, "resize_database": {"flavor": "x"}, "grow_database": {"size": "9"},
    "upgrade_database": {"version": "x"},
    "new_database_schedule": SCHEDULE, "edit_database_schedule": SCHEDULE, "pause_database_schedule": {},
    "resume_database_schedule": {}, "keep_database_log": {"enabled": "1"}, "delete_database_schedule": {},
    "prove_database_backup": {},
}  # fmt: skip
TO_MEMBERS = {"add_member": [], "change_member": ["x"]}
TO_ONE = {
    **TO_A_SERVERS_NETWORK,
    **TO_A_GROUP,
    **TO_A_VOLUME,
    **TO_A_VOLUME_GROUP,
    **TO_A_BACKUP,
    **TO_A_NETWORK,
    **TO_A_ROUTER,
    **TO_A_DATABASE,
}
POSTS = {
    "switch_project", "server_action", "server_allow", "rename_server",
    "generate_key", "import_key", *TO_AN_IMAGE,
    *OWN_POSTS, *TO_MEMBERS, *BOXES, *TO_ONE, *SWITCHES,
}  # fmt: skip
IMAGE_BODY = {"tags": "t", "properties": "a=b", "project": "p"}
PUTS = {"image_data"}
#: Lists take posts: what is done to their rows.
ACTED_ON = {
    str(route.name)
    for route in urlpatterns
    if issubclass(view := getattr(route.callback, "view_class", object), ListPage)
    and view.route == route.name
}
#: Actions that a click does.
BUTTONS = [name for name, one in ACTIONS.items() if one.button and not one.button.page]


@dataclass
class House:
    """A project with a server and an image, and people who come to look."""

    home: Lab
    server_id: str
    image: Image
    group_id: str
    volume_id: str
    backup_id: str
    schedule_id: str
    router_id: str
    volume_group_id: str
    recording_id: str
    database_id: str
    configuration_id: str
    database_backup_id: str
    database_schedule_id: str

    def url(self, name: str) -> str:
        """Return the address of a route, about the house's server or image."""
        if name == "server_action":
            return reverse(name, args=[self.server_id, "stop"])
        if name == "rename_server":
            return reverse(name, args=[self.server_id])
        if name == "server_allow":
            return reverse(name, args=[self.server_id, "ssh"])
        if name in ("abort_move", "finish_move"):
            return reverse(name, args=[self.server_id, 1])
        if name == "swap_volume":
            return reverse(name, args=[self.server_id, self.volume_id])
        if name in ("detach_floating_ip", "detach_group", "detach_interface"):
            return reverse(name, args=[self.server_id, self.group_id])
        if name in OF_A_SERVER | TO_A_SERVERS_NETWORK.keys():
            return reverse(name, args=[self.server_id])
        if name in OF_A_RECORDING:
            return reverse(name, args=[self.recording_id])
        if name in OF_A_GROUP | TO_A_GROUP.keys():
            return reverse(name, args=[self.group_id])
        if name in ("withdraw_volume", "detach_volume", "revert_volume", "delete_snapshot"):
            return reverse(name, args=[self.volume_id, self.volume_id])
        if name.endswith("_schedule") and name in TO_A_VOLUME and name != "new_schedule":
            return reverse(name, args=[self.volume_id, self.schedule_id])
        if name in ("remove_volume", "restore_group_snapshot", "delete_group_snapshot"):
            return reverse(name, args=[self.volume_group_id, self.volume_id])
        if name in OF_A_VOLUME_GROUP | TO_A_VOLUME_GROUP.keys():
            return reverse(name, args=[self.volume_group_id])
        if name in OF_A_BACKUP | TO_A_BACKUP.keys():
            return reverse(name, args=[self.backup_id])
        if name in OF_A_VOLUME | TO_A_VOLUME.keys():
            return reverse(name, args=[self.volume_id])
        if name in OF_A_NETWORK | TO_A_NETWORK.keys():
            more = {
                "delete_subnet": [self.home.network.subnets.get().id],
                "end_sharing": [self.group_id],
            }
            return reverse(name, args=[self.home.network.id, *more.get(name, [])])
        if name in OF_A_ROUTER | TO_A_ROUTER.keys():
            more = {"remove_interface": [RouterPort.objects.get().port_id]}
            return reverse(name, args=[self.router_id, *more.get(name, [])])
        if name in OF_A_CONFIGURATION:
            return reverse(name, args=[self.configuration_id])
        if name in OF_A_DATABASE | TO_A_DATABASE.keys():
            with_more = {
                "database_action": ["restart"],
                "change_contents": ["drop_user"],
                "delete_database_backup": [self.database_backup_id],
                "prove_database_backup": [self.database_backup_id],
                "edit_database_schedule": [self.database_schedule_id],
                "pause_database_schedule": [self.database_schedule_id],
                "resume_database_schedule": [self.database_schedule_id],
                "delete_database_schedule": [self.database_schedule_id],
            }
            return reverse(name, args=[self.database_id, *with_more.get(name, [])])
        if name in OF_AN_IMAGE | {"image_data"} | TO_AN_IMAGE.keys():
            return reverse(name, args=[self.image.id, *TO_AN_IMAGE.get(name, [])])
        return reverse(name, args=[*OWN_POSTS.get(name, []), *TO_MEMBERS.get(name, [])])

    def browser(self, role: str) -> Client:
        """Return someone with this role on the house's project."""
        return browser_of(make_member(role, project=self.home.project, password=PASSWORD))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr("databases.conf.GUESTS", "fake")
    with lab(tmp_path) as home:
        server, group = home.create(), make_group(home.context)
        volume = make_volume(home.context)
        backup = make_backup(volume)
        schedule = BackupSchedule.objects.create(
            project_id=volume.project_id, name="nightly", volume=volume, interval=24
        )
        router = make_router(home.context, subnets=home.network.subnets.all())
        kept = make_volume_group(home.context)
        recording = ConsoleRecording.objects.create(
            project_id=home.project.id, instance_id=server, instance_name="vm1", user_name="u"
        )
        member = make_member("member", project=home.project)
        database = make_instance(member)
        make_fake_guest(database)
        settings = make_configuration(member)
        dump = make_database_backup(database)
        nightly = DatabaseBackupSchedule.objects.create(
            project_id=home.project.id, name="nightly", instance=database, interval=24
        )
        rows = (
            group, volume, backup, schedule, router, kept, recording, database, settings, dump, nightly,
        )  # fmt: skip
        about = [str(one.id) for one in rows]
        yield House(home, server, home.image, *about)


@pytest.fixture
def stranger() -> Client:
    """A member of another project."""
    return browser_of(make_member("member", password=PASSWORD))


def test_every_route_is_in_this_file() -> None:
    names = {route.name for route in urlpatterns}
    known = PUBLIC | READABLE | MANAGED | FORMS | POSTS | PUTS | BEGUN | OF_ONE
    assert names == known
    assert get_resolver()


def test_anonymous_are_sent_to_the_log_in(house: House) -> None:
    client = Client()
    for name in READABLE | MANAGED | FORMS | BEGUN | OF_ONE:
        answer = client.get(house.url(name))
        assert (answer.status_code, answer.url.split("?")[0]) == (302, "/login"), name
    for name in POSTS | ACTED_ON:
        assert client.post(house.url(name)).url == "/login?unsent=yes", name
    assert "what you sent was not done" in text_of(client.get("/login?unsent=yes"))
    assert "what you sent was not done" not in text_of(client.get("/login"))
    assert client.put(house.url("image_data"), b"x").status_code == 302


def test_htmx_of_a_lost_session_reloads_the_page() -> None:
    answer = Client().get("/servers", headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"


def test_readers_read_everything(house: House) -> None:
    reader = house.browser("reader")
    for name in (READABLE | OF_ONE) - OF_CONSOLES:
        answer = reader.get(house.url(name))
        assert answer.status_code == 200, name
    page = text_of(reader.get(house.url("server")))
    assert "vm1" in page
    assert "Hard reboot" not in page
    assert "Launch server" not in text_of(reader.get("/servers"))
    assert "does not let you read consoles" in text_of(reader.get(house.url("server_console")))


def test_readers_do_not_act(house: House) -> None:
    reader = house.browser("reader")
    for name in FORMS | OF_CONSOLES | MANAGED:
        assert reader.get(house.url(name)).status_code == 403, name
    for action in BUTTONS:
        answer = reader.post(reverse("server_action", args=[house.server_id, action]))
        assert answer.status_code == 403, action
    assert reader.post(house.url("server_allow")).status_code == 403
    assert reader.post(house.url("rename_server"), {"name": "x"}).status_code == 403
    for name in TO_AN_IMAGE:
        assert reader.post(house.url(name), IMAGE_BODY).status_code in (403, 422), name
    for name, body in BOXES.items():
        assert reader.post(house.url(name), body).status_code in (403, 422), name
    for name, body in TO_ONE.items():
        assert reader.post(house.url(name), body).status_code in (403, 404, 422), name
    assert not Network.objects.filter(name__in=("n", "private")).exists()
    volume = Volume.objects.get()
    assert (volume.name, volume.size, volume.status) == ("a volume", 1, "available")
    backup, schedule = Backup.objects.get(), BackupSchedule.objects.get()
    assert (backup.name, backup.status, backup.proof_tried_at) == ("a backup", "available", None)
    assert (schedule.name, schedule.enabled) == ("nightly", True)
    group = SecurityGroup.objects.get(id=house.group_id)
    assert (group.name, group.rules.filter(direction="ingress").count()) == ("web", 0)
    assert [*Port.objects.of_groups([group.id])] == []
    [router] = Router.objects.all()
    assert (str(router.id), router.name, router.routes) == (house.router_id, "r1", [])
    assert router.router_ports.count() == 1
    network = Network.objects.get(id=house.home.network.id)
    assert (network.name, network.mtu, network.subnets.count()) == ("net1", 1500, 1)
    assert not RbacPolicy.objects.filter(target_project="x").exists()
    database = DatabaseInstance.objects.get()
    assert (database.name, database.task, database.root_enabled_at) == ("db1", "", None)
    guest = FakeGuest.objects.get().state
    assert ([*guest["databases"]], [*guest["users"]]) == (["d1"], ["u1@%"])
    settings = Configuration.objects.get()
    assert reader.post(house.url("configuration"), {}).status_code == 422
    assert settings.values == {"work_mem": 8192}
    for name in SWITCHES:
        assert reader.post(house.url(name)).status_code == 403, name
    for name in TO_MEMBERS:
        assert reader.post(house.url(name), {"role": "reader"}).status_code == 403, name
    assert not house.image.members.exists()
    assert reader.put(house.url("image_data"), b"x").status_code == 403
    server = Instance.objects.get(id=house.server_id)
    assert (server.vm_state, server.task_state) == ("active", None)
    assert Image.objects.filter(id=house.image.id).exists()


def test_a_refusal_goes_back_to_the_page_before(house: House) -> None:
    reader = house.browser("reader")
    url = reverse("server_action", args=[house.server_id, "stop"])
    answer = reader.post(url, headers={"Referer": "http://testserver/servers"})
    assert answer.url == "http://testserver/servers"
    assert said(answer) == ["Your role does not allow this."]
    elsewhere = reader.post(url, headers={"Referer": "http://evil.example/"})
    assert elsewhere.status_code == 403


def test_another_projects_things_are_404_pages(house: House, stranger: Client) -> None:
    for name in (
        OF_A_SERVER
        | OF_AN_IMAGE
        | OF_A_GROUP
        | OF_A_VOLUME
        | OF_A_VOLUME_GROUP
        | OF_A_BACKUP
        | OF_A_DATABASE
        | OF_A_CONFIGURATION
    ):
        answer = stranger.get(house.url(name))
        assert answer.status_code == 404, name
        assert "There is nothing here" in text_of(answer)
    for action in BUTTONS:
        url = reverse("server_action", args=[house.server_id, action])
        assert stranger.post(url).status_code == 404
    assert stranger.post(house.url("server_allow")).status_code == 404
    assert stranger.post(house.url("rename_server"), {"name": "x"}).status_code == 404
    for name in TO_AN_IMAGE:
        assert stranger.post(house.url(name), IMAGE_BODY).status_code == 404, name
    for name, body in TO_ONE.items():
        assert stranger.post(house.url(name), body).status_code == 404, name
    assert stranger.put(house.url("image_data"), b"x").status_code == 404
    assert "vm1" not in text_of(stranger.get("/servers"))
    assert Instance.objects.get(id=house.server_id).task_state is None


def test_a_watched_server_that_is_gone_leads_to_the_list(house: House, stranger: Client) -> None:
    answer = stranger.get(house.url("server"), headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/servers")


def test_members_act(house: House) -> None:
    member = house.browser("member")
    for action, then in (("stop", "stopped"), ("start", "active"), ("hard_reboot", "active")):
        answer = member.post(reverse("server_action", args=[house.server_id, action]))
        assert answer.status_code == 302, action
        house.home.cloud.settle()
        assert Instance.objects.get(id=house.server_id).vm_state == then
    answer = member.post(reverse("server_action", args=[house.server_id, "delete"]))
    assert answer.url == "/servers"
    house.home.cloud.settle()
    assert member.get(house.url("server")).status_code == 404
    assert member.post(house.url("delete_image")).status_code == 302
    assert not Image.objects.filter(id=house.image.id).exists()


def test_managers_record_consoles(house: House) -> None:
    manager = house.browser("manager")
    for name, is_on, button in (
        ("record_consoles", True, "Record no more"),
        ("stop_recording", False, "Record consoles"),
    ):
        assert manager.post(house.url(name)).url == manager.get(house.url(name)).url
        assert RecordedProject.objects.exists() is is_on
        page = text_of(manager.get("/console-recordings"))
        assert button in page
        assert "vm1" in page
    assert manager.get(house.url("console_recording")).status_code == 200
    assert manager.get(house.url("console_recording_cast")).content == b""
    strange = browser_of(make_member("manager", password=PASSWORD))
    for name in OF_A_RECORDING:
        assert strange.get(house.url(name)).status_code == 404, name


def test_what_the_state_forbids_is_a_toast(house: House) -> None:
    member = house.browser("member")
    url = reverse("server_action", args=[house.server_id, "start"])
    answer = member.post(url, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "while the server is running" in answer.headers["HX-Trigger"]
    good = member.post(url.replace("start", "stop"), headers={"HX-Request": "true"})
    assert good.status_code == 204
    house.home.cloud.settle()
    assert member.post(url.replace("start", "explode")).status_code == 404


def test_someone_without_a_project_is_told_so() -> None:
    user = make_user(password=PASSWORD)
    client = browser_of(user)
    assert "You have no project yet" in text_of(client.get("/"))
    assert client.get("/key-pairs").status_code == 200
    assert client.get("/account").status_code == 200


def test_key_pairs_are_their_users_own(house: House, stranger: Client) -> None:
    member = house.browser("member")
    assert member.post("/key-pairs/new", {"name": "mine"}).status_code == 200
    assert stranger.post("/key-pairs", {"one": "delete mine", "agreed": "yes"}).status_code == 404
    assert "mine" not in text_of(stranger.get("/key-pairs"))
    assert KeyPair.objects.count() == 1


def test_posts_without_the_forms_token_are_refused(house: House) -> None:
    user = make_member("member", project=house.home.project, password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    client.login(username=user.name, password=PASSWORD)
    for name in POSTS | ACTED_ON:
        assert client.post(house.url(name)).status_code == 403, name
    assert client.put(house.url("image_data"), RAW).status_code == 403


def test_pages_allow_our_own_scripts_only(house: House) -> None:
    member = house.browser("member")
    for name in (
        READABLE - {"clouds_yaml", "openrc"}
        | FORMS
        | OF_A_SERVER - OF_CONSOLES
        | OF_A_GROUP
        | OF_A_VOLUME
        | OF_A_VOLUME_GROUP
        | OF_A_BACKUP
    ):
        answer = member.get(house.url(name))
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, name
        scripts = policy.replace("style-src 'self' 'unsafe-inline'", "")
        assert "unsafe" not in (scripts if name == "server_terminal" else policy)
        page = answer.content.decode()
        assert " style=" not in page
        assert "<script>" not in page
