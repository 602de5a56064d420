"""Each version of compute's list that is served shows: one question has two answers, before it and from it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from cloudweb.microversions.compute import COMPUTE
from instances.models import KeyPair
from tests.builders.compute import make_host, make_service
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.servers import give_migration, make_server
from tests.builders.volumes import make_volume
from tests.contract.access.test_instances import PUBLIC, build

pytestmark = pytest.mark.django_db
#: Versions that show only where a guest runs on a host, and the tests that look there.
ELSEWHERE = {
    45: "tests/functional/instances/test_server_life.py",
    48: "tests/functional/instances/test_insides.py",
    62: "tests/functional/instances/test_action_log.py",
    84: "tests/functional/instances/test_action_log.py",
    87: "tests/functional/instances/test_rescue.py",
    93: "tests/functional/instances/test_rebuild_in_volume.py",
    95: "tests/integration/instances/test_evacuations.py",
}


#: What changed about servers that move while they run, which needs two hosts: their own tests ask.
OF_LIVE_MOVES = {22, 24, 25, 30, 34, 65}


class Asked:
    """What a version answers to one question; ``ids`` fill paths and bodies."""

    def __init__(self, client: Any, ids: dict[str, Any], minor: int) -> None:
        self.client, self.ids = client, ids
        self.at = {"OpenStack_API_Version": f"compute 2.{minor}"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        said = json.dumps([path, body])
        for name, value in self.ids.items():
            said = said.replace(f"<{name}>", str(value))
        path, body = json.loads(said)
        return self.client.send(method, f"/compute/v2.1{path}", body, **self.at)

    def code(self, method: str, path: str, body: Any = None) -> int:
        """Return the status."""
        return int(self(method, path, body).status_code)

    def has(self, path: str, *keys: str | int) -> bool:
        """Tell whether the last key is in what the others lead to."""
        found = self("GET", path).json()
        for key in keys[:-1]:
            found = found[key]
        return keys[-1] in found

    def refused_word(self, path: str, body: Any, method: str = "POST") -> bool:
        """Tell whether a word in a body is not known."""
        answer = self(method, path, body)
        return answer.status_code == 400 and b"Additional properties" in answer.content


SERVER = "/servers/<server_id>"
ACTION = f"{SERVER}/action"
VOLUMES = f"{SERVER}/os-volume_attachments"
NEW = {"name": "n", "imageRef": "<image_id>", "flavorRef": "<flavor_id>", "networks": "none"}
#: The same where versions without words for networks hear it, too.
OLD = {**NEW, "networks": [{"uuid": "<network_id>"}]}


def key_pair(**said: Any) -> dict[str, Any]:
    return {"keypair": {"name": "new", "public_key": PUBLIC, **said}}


def server(**said: Any) -> dict[str, Any]:
    return {"server": {**OLD, **said}}


def attach(volume: str, **said: Any) -> dict[str, Any]:
    return {"volumeAttachment": {"volumeId": f"<{volume}>", **said}}


def shows(*keys: str | int, path: str = SERVER) -> Callable[[Asked], Any]:
    """Look for a key of an answer."""
    return lambda ask: ask.has(path, *keys)


def code(method: str, path: str, body: Any = None) -> Callable[[Asked], Any]:
    """Look at the status."""
    return lambda ask: ask.code(method, path, body)


def known(path: str, body: Any, method: str = "POST") -> Callable[[Asked], Any]:
    """Look whether a word in a body is known."""
    return lambda ask: not ask.refused_word(path, body, method)


DISK = {"boot_index": 0, "uuid": "<image_id>", "source_type": "image"}
DISK = {**DISK, "destination_type": "volume", "volume_size": 1, "volume_type": "<type_id>"}
EVENT = {"events": [{"name": "volume-extended", "server_uuid": "<placed_id>", "tag": "x"}]}
ACTIONS = "/servers/<busy_id>/os-instance-actions"
#: Version -> the question, the answer before it, and from it on.
SEEN: dict[int, tuple[Callable[[Asked], Any], Any, Any]] = {
    2: (code("POST", "/os-keypairs", key_pair()), 200, 201),
    3: (shows("server", "OS-EXT-SRV-ATTR:hostname"), False, True),
    6: (code("POST", f"{SERVER}/remote-consoles", {"remote_console": {}}), 404, 400),
    7: (
        code(
            "POST", "/flavors/<flavor_id>/action", {"addTenantAccess": {"tenant": "<project_id>"}}
        ),
        *(200, 409),
    ),
    9: (shows("server", "locked"), False, True),
    10: (known("/os-keypairs", key_pair(user_id="<owner_id>")), False, True),
    11: (shows("services", 0, "forced_down", path="/os-services"), False, True),
    12: (
        shows("virtual_interfaces", 0, "net_id", path=f"{SERVER}/os-virtual-interfaces"),
        *(False, True),
    ),
    13: (shows("server_group", "project_id", path="/os-server-groups/<group_id>"), False, True),
    14: (known(ACTION, {"evacuate": {"onSharedStorage": False}}), True, False),
    15: (
        code(
            "POST",
            "/os-server-groups",
            {"server_group": {"name": "s", "policies": ["soft-affinity"]}},
        ),
        *(400, 200),
    ),
    16: (shows("server", "host_status"), False, True),
    17: (code("POST", ACTION, {"trigger_crash_dump": None}), 404, 409),
    19: (shows("server", "description"), False, True),
    20: (
        code(
            "POST",
            "/servers/<shelved_offloaded_id>/os-volume_attachments",
            attach("free_volume_id"),
        ),
        *(409, 200),
    ),
    21: (code("GET", "/servers/<deleted_id>/os-instance-actions"), 404, 200),
    23: (code("GET", f"{SERVER}/migrations"), 404, 200),
    26: (code("GET", f"{SERVER}/tags"), 404, 200),
    28: (
        lambda ask: type(ask("GET", "/os-hypervisors/detail").json()["hypervisors"][0]["cpu_info"]),
        *(str, dict),
    ),
    29: (known(ACTION, {"evacuate": {"host": "cold", "force": True}}), False, True),
    31: (code("GET", "/os-console-auth-tokens/<token>"), 404, 200),
    33: (shows("hypervisors_links", path="/os-hypervisors?limit=1"), False, True),
    35: (shows("keypairs_links", path="/os-keypairs?limit=1"), False, True),
    36: (code("GET", "/images"), 200, 404),
    37: (code("POST", "/servers", server(networks="none")), 400, 202),
    38: (code("GET", "/servers?status=nonsense"), 200, 400),
    39: (code("GET", "/images/<image_id>/metadata"), 200, 404),
    40: (shows("tenant_usages_links", path="/os-simple-tenant-usage?limit=1"), False, True),
    41: (shows("aggregate", "uuid", path="/os-aggregates/<aggregate_id>"), False, True),
    43: (code("GET", "/os-hosts"), 200, 404),
    44: (code("POST", ACTION, {"addFixedIp": {"networkId": "<network_id>"}}), 202, 404),
    47: (shows("server", "flavor", "original_name"), False, True),
    49: (known(f"{SERVER}/os-interface", {"interfaceAttachment": {"tag": "t"}}), False, True),
    50: (
        shows("quota_class_set", "server_groups", path="/os-quota-class-sets/default"),
        *(False, True),
    ),
    51: (code("POST", "/os-server-external-events", EVENT), 400, 404),
    52: (known("/servers", server(tags=["t"])), False, True),
    53: (lambda ask: type(ask("GET", "/os-services").json()["services"][0]["id"]), int, str),
    54: (
        known(ACTION, {"rebuild": {"imageRef": "<image_id>", "key_name": "mine"}}),
        *(False, True),
    ),
    55: (shows("flavor", "description", path="/flavors/<flavor_id>"), False, True),
    56: (known(ACTION, {"migrate": {"host": "nowhere"}}), False, True),
    57: (known("/servers", server(personality=[])), True, False),
    58: (shows("instanceActions", 0, "updated_at", path=ACTIONS), False, True),
    59: (shows("migrations", 0, "uuid", path="/os-migrations"), False, True),
    60: (code("POST", VOLUMES, attach("several_id")), 400, 200),
    61: (shows("flavor", "extra_specs", path="/flavors/<flavor_id>"), False, True),
    63: (shows("server", "trusted_image_certificates"), False, True),
    64: (shows("server_group", "policy", path="/os-server-groups/<group_id>"), False, True),
    66: (
        lambda ask: bool(ask("GET", "/servers?changes-before=2001-01-01").json()["servers"]),
        *(True, False),
    ),
    67: (
        known("/servers", server(imageRef="", block_device_mapping_v2=[DISK])),
        *(False, True),
    ),
    68: (known(ACTION, {"evacuate": {"host": "cold", "force": True}}), True, False),
    70: (shows("interfaceAttachments", 0, "tag", path=f"{SERVER}/os-interface"), False, True),
    71: (shows("server", "server_groups"), False, True),
    73: (shows("server", "locked_reason"), False, True),
    74: (known("/servers", server(host="cold")), False, True),
    75: (code("GET", "/servers?colour=red"), 200, 400),
    77: (known(ACTION, {"unshelve": {"availability_zone": "nova"}}), False, True),
    78: (code("GET", f"{SERVER}/topology"), 404, 200),
    79: (shows("volumeAttachments", 0, "delete_on_termination", path=VOLUMES), False, True),
    80: (shows("migrations", 0, "project_id", path="/os-migrations"), False, True),
    81: (
        code("POST", "/os-aggregates/<aggregate_id>/images", {"cache": [{"id": "<image_id>"}]}),
        *(404, 202),
    ),
    85: (
        known(f"{VOLUMES}/<volume_id>", attach("volume_id", delete_on_termination=True), "PUT"),
        *(False, True),
    ),
    86: (
        code("POST", "/flavors/<flavor_id>/os-extra_specs", {"extra_specs": {"hw:cpu": "a"}}),
        *(200, 400),
    ),
    88: (code("GET", "/os-hypervisors/statistics"), 200, 404),
    89: (shows("volumeAttachments", 0, "id", path=VOLUMES), True, False),
    90: (known(SERVER, {"server": {"hostname": "web"}}, "PUT"), False, True),
    91: (known(ACTION, {"unshelve": {"host": "cold"}}), False, True),
    92: (code("POST", "/os-keypairs", {"keypair": {"name": "drawn"}}), 201, 400),
    94: (code("PUT", SERVER, {"server": {"hostname": "web.example.org"}}), 400, 200),
    96: (shows("server", "pinned_availability_zone"), False, True),
}


def test_every_version_that_is_served_is_asked() -> None:
    served = {version.minor for version, change in COMPUTE.changes() if change.claimed}
    asked = SEEN.keys() | ELSEWHERE.keys()
    assert asked <= served <= asked | OF_LIVE_MOVES
    assert not SEEN.keys() & ELSEWHERE.keys()


def test_before_and_from_each_version_on() -> None:
    owner = make_member("admin")
    ids = {**build(owner), "owner_id": owner.pk}
    context = make_context(owner)
    make_host("h1")
    make_service("conductor", "c1")
    gone = make_server(owner, vm_state="deleted")
    give_migration(gone)
    ids |= {"deleted_id": gone.id, "several_id": make_volume(context, multiattach=True).id}
    ids["project_id"] = owner.default_project_id
    KeyPair.objects.create(user_id=owner.pk, name="other", public_key="x", fingerprint="y")
    client, found = client_of(owner), {}
    for minor, (question, _, _) in SEEN.items():
        answers = []
        for at in (minor - 1, minor):
            with transaction.atomic():
                answers.append(question(Asked(client, ids, at)))
                transaction.set_rollback(True)
        found[minor] = tuple(answers)
    assert found == {minor: (before, after) for minor, (_, before, after) in SEEN.items()}
