"""The state table of servers is what the API does: every state, task and action there is."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from cloudweb.states import Mode
from compute.models import Flavor, HostFailure
from identity import quotas
from identity.models import User
from instances.actions import ACTIONS, possible
from instances.models import Instance
from instances.states import TaskState, VmState, status_of, vm_states_of
from network.manager import FloatingIpManager
from network.models import Network
from operations.models import Operation
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.images import RAW, make_image
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.builders.servers import give_port, give_volume, make_server
from tests.builders.volumes import make_volume

pytestmark = pytest.mark.django_db
TASKS = (None, *TaskState.values)
#: A volume that no server has, and that of the server itself; each server gets its own.
FREE = {"volumeAttachment": {"volumeId": "{free}"}}
STAYS = {"volumeAttachment": {"volumeId": "{volume}", "delete_on_termination": False}}
WITH_IMAGES = ("rescue", "rebuild")
WITH_PORTS = (
    *("add_security_group", "remove_security_group"),
    *("attach_interface", "detach_interface"),
)
#: They ended with 2.44.
WITH_ADDRESSES = (
    *("add_fixed_ip", "remove_fixed_ip"),
    *("add_floating_ip", "remove_floating_ip"),
)
WITH_VOLUMES = ("attach_volume", "detach_volume", "update_volume", "swap_volume")
#: What members are refused.
OPERATORS_DO = (
    *("swap_volume", "reset_state", "migrate", "live_migrate", "shelve_offload"),
    "evacuate",
)
#: action of the table -> method, path below the server, body
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "start": ("POST", "/action", {"os-start": None}),
    "stop": ("POST", "/action", {"os-stop": None}),
    "reboot": ("POST", "/action", {"reboot": {"type": "SOFT"}}),
    "hard_reboot": ("POST", "/action", {"reboot": {"type": "HARD"}}),
    "pause": ("POST", "/action", {"pause": None}),
    "unpause": ("POST", "/action", {"unpause": None}),
    "suspend": ("POST", "/action", {"suspend": None}),
    "resume": ("POST", "/action", {"resume": None}),
    "create_backup": (
        "POST",
        "/action",
        {"createBackup": {"name": "i", "backup_type": "daily", "rotation": 1}},
    ),
    "shelve": ("POST", "/action", {"shelve": None}),
    "shelve_offload": ("POST", "/action", {"shelveOffload": None}),
    "unshelve": ("POST", "/action", {"unshelve": None}),
    "restore": ("POST", "/action", {"restore": None}),
    "create_image": ("POST", "/action", {"createImage": {"name": "i"}}),
    "rescue": ("POST", "/action", {"rescue": {"rescue_image_ref": "{image}"}}),
    "unrescue": ("POST", "/action", {"unrescue": None}),
    "rebuild": ("POST", "/action", {"rebuild": {"imageRef": "{image}"}}),
    "change_password": ("POST", "/action", {"changePassword": {"adminPass": "p"}}),
    "trigger_crash_dump": ("POST", "/action", {"trigger_crash_dump": None}),
    "reset_state": ("POST", "/action", {"os-resetState": {"state": "error"}}),
    "resize": ("POST", "/action", {"resize": {"flavorRef": "larger"}}),
    "confirm_resize": ("POST", "/action", {"confirmResize": None}),
    "revert_resize": ("POST", "/action", {"revertResize": None}),
    "migrate": ("POST", "/action", {"migrate": None}),
    "evacuate": ("POST", "/action", {"evacuate": {}}),
    "live_migrate": (
        "POST",
        "/action",
        {"os-migrateLive": {"host": None, "block_migration": "auto"}},
    ),
    "delete": ("DELETE", "", None),
    "force_delete": ("POST", "/action", {"forceDelete": None}),
    "add_security_group": ("POST", "/action", {"addSecurityGroup": {"name": "default"}}),
    "remove_security_group": ("POST", "/action", {"removeSecurityGroup": {"name": "default"}}),
    "update": ("PUT", "", {"server": {"name": "new"}}),
    "lock": ("POST", "/action", {"lock": None}),
    "unlock": ("POST", "/action", {"unlock": None}),
    "metadata": ("POST", "/metadata", {"metadata": {"k": "v"}}),
    "tags": ("PUT", "/tags", {"tags": ["a"]}),
    "attach_volume": ("POST", "/os-volume_attachments", FREE),
    "detach_volume": ("DELETE", "/os-volume_attachments/{volume}", None),
    "attach_interface": ("POST", "/os-interface", {"interfaceAttachment": {"net_id": "{network}"}}),
    "detach_interface": ("DELETE", "/os-interface/{port}", None),
    "update_volume": ("PUT", "/os-volume_attachments/{volume}", STAYS),
    "swap_volume": ("PUT", "/os-volume_attachments/{volume}", FREE),
    "add_fixed_ip": ("POST", "/action", {"addFixedIp": {"networkId": "{network}"}}),
    "remove_fixed_ip": ("POST", "/action", {"removeFixedIp": {"address": "{fixed}"}}),
    "add_floating_ip": ("POST", "/action", {"addFloatingIp": {"address": "{floating}"}}),
    "remove_floating_ip": ("POST", "/action", {"removeFloatingIp": {"address": "{floating}"}}),
}
ALIVE = {
    *("building", "active", "stopped", "paused", "suspended", "rescued", "resized", "error"),
    *("shelved", "shelved_offloaded", "soft-delete"),
}
ACCEPTED = {
    "rescue": 200,
    "evacuate": 200,
    "confirm_resize": 204,
    "delete": 204,
    "update": 200,
    "metadata": 200,
    "tags": 200,
    "attach_volume": 200,
    "attach_interface": 200,
}
#: What asks the guest: these servers are on no host, which is said in other words than the table's.
ACCEPTED |= dict.fromkeys(("change_password", "trigger_crash_dump"), 409)
BEHIND_EACH_OTHER = {
    *(None, "attaching_volume", "detaching_volume"),
    *("attaching_interface", "detaching_interface"),
}
PLUGGED = {"active", "paused", "stopped", "resized", "shelved", "shelved_offloaded"}
#: Contract 10.1 by hand, lest table and test be wrong together: (vm_states, task_states).
BY_HAND: dict[str, tuple[set[str], set[str | None]]] = {
    "start": ({"stopped"}, {None}),
    "stop": ({"active", "error"}, {None}),
    "reboot": ({"active"}, {None}),
    "hard_reboot": (
        {"active", "stopped", "paused", "suspended", "error"},
        {
            *(None, "rebooting", "rebooting_hard"),
            *("pausing", "unpausing", "suspending", "resuming"),
        },
    ),
    "pause": ({"active"}, {None}),
    "unpause": ({"paused"}, {None}),
    "suspend": ({"active"}, {None}),
    "resume": ({"suspended"}, {None}),
    "create_backup": ({"active", "stopped", "paused", "suspended"}, {None}),
    "shelve": ({"active", "stopped", "paused", "suspended"}, {None}),
    "shelve_offload": ({"shelved", "shelved_offloaded"}, {None}),
    "unshelve": ({"shelved", "shelved_offloaded"}, {None}),
    "restore": ({"soft-delete"}, {None}),
    "create_image": ({"active", "stopped", "paused", "suspended"}, {None}),
    "rescue": ({"active", "stopped", "error"}, {None}),
    "unrescue": ({"rescued"}, {None}),
    "rebuild": ({"active", "stopped", "error"}, {None}),
    "change_password": ({"active"}, {None}),
    "trigger_crash_dump": ({"active", "paused", "rescued", "resized", "error"}, {None}),
    "reset_state": (ALIVE, set(TASKS)),
    "resize": ({"active", "stopped"}, {None}),
    "confirm_resize": ({"resized"}, {None}),
    "revert_resize": ({"resized"}, {None}),
    "migrate": ({"active", "stopped"}, {None}),
    "evacuate": (
        {"active", "stopped", "error"},
        {None, "powering-off", "powering-on", "rebooting", "rebooting_hard"},
    ),
    "live_migrate": ({"active", "paused"}, {None}),
    "delete": (ALIVE, set(TASKS)),
    "force_delete": (ALIVE, set(TASKS)),
    "add_security_group": (ALIVE, set(TASKS)),
    "remove_security_group": (ALIVE, set(TASKS)),
    "update": (ALIVE, set(TASKS)),
    "lock": (ALIVE, set(TASKS)),
    "unlock": (ALIVE, set(TASKS)),
    "metadata": ({"active", "paused", "suspended", "stopped"}, set(TASKS)),
    "tags": ({"active", "paused", "suspended", "stopped"}, set(TASKS)),
    "attach_volume": (PLUGGED, BEHIND_EACH_OTHER),
    "detach_volume": (PLUGGED, BEHIND_EACH_OTHER),
    "attach_interface": ({"active", "paused", "stopped"}, BEHIND_EACH_OTHER),
    "detach_interface": ({"active", "paused", "stopped"}, BEHIND_EACH_OTHER),
    "update_volume": (ALIVE, set(TASKS)),
    "swap_volume": ({"active", "paused", "resized"}, {None}),
    "add_fixed_ip": (ALIVE, set(TASKS)),
    "remove_fixed_ip": (ALIVE, set(TASKS)),
    "add_floating_ip": (ALIVE, set(TASKS)),
    "remove_floating_ip": (ALIVE, set(TASKS)),
}


def send(user: User, server: Instance, action: str, *, client: Any = None) -> Any:
    """Ask for an action; a server that is asked about volumes has one, and there is another."""
    method, path, body = REQUESTS[action]
    if action in WITH_VOLUMES:
        has, free = (make_volume(make_context(user)) for _ in range(2))
        give_volume(server, has)
        said = json.dumps([path, body]).replace("{volume}", str(has.id))
        path, body = json.loads(said.replace("{free}", str(free.id)))
    if action in WITH_IMAGES:
        image = make_image(context=make_context(user), data=RAW)
        Instance.objects.filter(id=server.id).update(image_id=str(image.id))
        body = json.loads(json.dumps(body).replace("{image}", str(image.id)))
    if action == "evacuate":
        HostFailure.objects.get_or_create(host="dead", proof="confirmed")
        Instance.objects.filter(id=server.id).update(host="dead")
    if action == "resize":
        larger = {"name": "larger", "vcpus": 2, "ram": 1024, "disk": 1}
        Flavor.objects.get_or_create(id="larger", defaults=larger)
    if action in WITH_PORTS:
        context = make_context(user)
        network = Network.objects.first() or make_network(context)
        port = make_port(network, context, device_id=str(server.id), device_owner="compute:nova")
        give_port(server, port)
        said = json.dumps([path, body]).replace("{port}", str(port.id))
        path, body = json.loads(said.replace("{network}", str(network.id)))
    if action in WITH_ADDRESSES:
        body = json.loads(addressed(json.dumps(body), user, server, leads="remove" in action))
    minor = 43 if action in WITH_ADDRESSES else 85
    at = {"OpenStack_API_Version": f"compute 2.{minor}"}
    return (client or client_of(user)).send(
        method, f"/compute/v2.1/servers/{server.id}{path}", body, **at
    )


def addressed(said: str, user: User, server: Instance, *, leads: bool) -> str:
    """Give a server a port, and an address of outside that leads to it or nowhere; name them."""
    context = make_context(user)
    inside = Network.objects.filter(name="inside").first()
    if inside is None:
        inside = make_network(context, name="inside")
        outside = make_external()
        make_router(context, subnets=[make_subnet(inside, context)], external=outside)
        make_floating_ip(context, outside)
    port = make_port(inside, context, device_id=str(server.id), device_owner="compute:nova")
    give_port(server, port)
    manager = FloatingIpManager(context)
    (floating,) = manager.list().rows
    manager.update(floating.id, port_id=port.id if leads else None)
    said = said.replace("{network}", str(inside.id))
    said = said.replace("{fixed}", port.addresses.get().ip_address)
    return said.replace("{floating}", floating.floating_ip_address)


def pairs_of(action: str) -> list[tuple[str, str | None]]:
    """Return every state at rest, and every task in a state that the action may start in."""
    vm_states, tasks = BY_HAND[action]
    rests = min(tasks, key=lambda task: task is not None)
    found = [(vm_state, rests) for vm_state in VmState.values]
    found += [(min(vm_states), task) for task in TASKS if task != rests]
    refused = next(task for task in TASKS if task is not None)
    return [*found, *((vm_state, refused) for vm_state in {*VmState.values} - {min(vm_states)})]


def test_every_action_is_tried() -> None:
    guarded = {name for name, one in ACTIONS.items() if one.mode is not Mode.READING}
    assert guarded == REQUESTS.keys() == BY_HAND.keys()


@pytest.mark.parametrize("action", REQUESTS)
def test_the_api_does_what_the_table_says(action: str) -> None:
    user = make_member("admin" if action in OPERATORS_DO else "member")
    for vm_state, task in pairs_of(action):
        server = make_server(user, vm_state=vm_state, task_state=task)
        answer = send(user, server, action)
        row = Instance.objects.get(id=server.id)
        where = (vm_state, task, answer.content)
        vm_states, tasks = BY_HAND[action]
        if vm_state == VmState.DELETED:
            assert answer.status_code == 404, where
        elif vm_state in vm_states and task in tasks:
            assert ACTIONS[action].allows(vm_state, task), where
            assert answer.status_code == ACCEPTED.get(action, 202), where
            stays = None if action == "reset_state" else task
            assert row.task_state == (ACTIONS[action].task_state or stays), where
        else:
            assert not ACTIONS[action].allows(vm_state, task), where
            assert answer.status_code == 409, where
            fault = answer.json()["conflictingRequest"]["message"]
            said = f"vm_state {vm_state}" if vm_state not in vm_states else f"task_state {task}"
            assert fault.endswith(f"instance {server.id} while it is in {said}"), where
            assert (row.vm_state, row.task_state) == (vm_state, task)
            assert not Operation.objects.filter(resource_id=str(server.id)).exists()


@pytest.mark.parametrize(
    "action", [name for name, one in ACTIONS.items() if one.ran and one.saga is not None]
)
def test_what_never_ran_cannot_be_acted_on(action: str) -> None:
    user = make_member("admin" if action in OPERATORS_DO else "member")
    for vm_state in BY_HAND[action][0]:
        server = make_server(user, vm_state=vm_state, launched_at=None)
        assert send(user, server, action).status_code == 409


def test_a_lock_keeps_out_all_but_operators() -> None:
    """Also who owns the server, whatever state it is in; contract 10.1."""
    user = make_member("manager")
    quotas.update(user.default_project_id, "compute", {"instances": -1, "cores": -1, "ram": -1})
    operator = client_of(make_member("admin"))
    found = {}
    for action in REQUESTS:
        state = min(BY_HAND[action][0])
        server = make_server(user, vm_state=state, locked_by="owner")
        other = make_server(user, vm_state=state, locked_by="owner")
        url = f"/compute/v2.1/servers/{server.id}"
        answer = send(user, server, action)
        found[action] = answer.status_code, send(user, other, action, client=operator).status_code
        if answer.status_code == 409:
            fault = answer.json()["conflictingRequest"]["message"]
            assert fault == f"Instance {server.id} is locked"
            shown = client_of(user).send("GET", url, OpenStack_API_Version="compute 2.9")
            assert shown.json()["server"]["locked"] is True
    found |= {action: (409, found[action][1]) for action in OPERATORS_DO if found[action][0] == 403}
    locked = {action: (409, ACCEPTED.get(action, 202)) for action in REQUESTS}
    assert found == locked | {"update": (200, 200), "lock": (202, 202), "unlock": (202, 202)}
    deleted = make_server(user, vm_state=VmState.DELETED, locked_by="owner")
    assert client_of(user).send("DELETE", f"{url[:-36]}{deleted.id}").status_code == 404


@pytest.mark.parametrize("minor", [1, 96])
def test_the_filter_finds_what_the_status_shows(minor: int) -> None:
    """A list by status holds the servers that show that status, and no others."""
    user = make_member("member")
    client, at = client_of(user), {"OpenStack_API_Version": f"compute 2.{minor}"}
    shown: dict[str, set[str]] = {}
    for vm_state, task in itertools.product(VmState.values, TASKS):
        if vm_state != VmState.DELETED:
            server = make_server(user, vm_state=vm_state, task_state=task)
            shown.setdefault(status_of(vm_state, task), set()).add(str(server.id))
    found = {}
    for word in shown:
        answer = client.send("GET", f"/compute/v2.1/servers?status={word.lower()}", **at)
        found[word] = {one["id"] for one in answer.json()["servers"]}
    assert found == shown
    assert shown.keys() >= {
        "BUILD",
        "SHUTOFF",
        "PAUSED",
        "SUSPENDED",
        "HARD_REBOOT",
        "RESIZE",
        "VERIFY_RESIZE",
    }


def test_words() -> None:
    assert vm_states_of("unheard-of") == set()
    assert status_of("active", "rebooting_hard") == "HARD_REBOOT"
    assert status_of("stopped", "rebooting_hard") == "SHUTOFF"
    always = ["delete", "force_delete", "update", "lock", "unlock"]
    volumes = ["attach_volume", "detach_volume", "update_volume"]
    cards = ["attach_interface", "detach_interface"]
    groups = ["add_security_group", "remove_security_group"]
    moves = ["resize", "migrate"]
    stopped = ["start", "hard_reboot", "rescue", "rebuild", *always[:3], *moves, *always[3:]]
    stopped += ["tags", "metadata", *groups, *WITH_ADDRESSES]
    stopped += [*volumes, "create_image", "create_backup", *cards]
    stopped += ["reset_state", "shelve", "evacuate"]
    assert possible("stopped", None) == stopped
    while_built = [*always, *groups, *WITH_ADDRESSES, "update_volume", "reset_state"]
    assert possible("building", "spawning") == while_built
