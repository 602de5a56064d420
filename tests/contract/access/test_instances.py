"""Every route of servers, key pairs and their quotas by everybody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.microversions import ALWAYS
from cloudweb.policy import Rule, admin, project_manager, project_member, project_reader
from cloudweb.states import Mode
from compute.bootstrap import ensure_default_flavors
from compute.manager import AggregateManager
from compute.models import Flavor
from identity import quotas
from identity.models import User
from instances.actions import ACTIONS, InstanceAction
from instances.manager import InstanceManager
from instances.manager.console_tokens import draw_token
from instances.manager.key_pair import draw
from instances.migration_states import MigrationStatus
from instances.models import Instance, KeyPair, ServerGroup
from instances.states import VmState
from tests.builders.access import (
    EVERY_TOKEN,
    OPERATORS,
    PROJECT_MEMBERS,
    PROJECT_READERS,
    Line,
    World,
    access_test,
    shared_world,
)
from tests.builders.compute import make_host
from tests.builders.identity import client_with, make_context
from tests.builders.images import RAW, make_image
from tests.builders.networks import make_group, make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip
from tests.builders.servers import give_port, give_volume, make_live_migration, make_server
from tests.builders.volumes import make_pool, make_snapshot, make_volume
from tests.contract.access.test_compute import V21, at

SERVER = f"{V21}/servers/{{server_id}}"
LIVE = f"{V21}/servers/{{busy_id}}/migrations/{{migration_id}}"
MANAGERS = OPERATORS | {"manager"}
QUOTAS = f"{V21}/os-quota-sets/{{project_id}}"
PUBLIC = draw(comment="new")[1]
ITEMS = {"metadata": {"a": "b"}}
CREATE = {
    "name": "new",
    "imageRef": "{image_id}",
    "flavorRef": "{flavor_id}",
    "networks": [{"uuid": "{network_id}"}],
}
#: Whoever has a token of a project, whatever his role there.
IN_A_PROJECT = PROJECT_READERS - {"system_admin"} | {"other", "service"}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of servers in each state, what another is made of, and a key pair."""
    ensure_default_flavors()
    quotas.update(owner.default_project_id or "", "compute", {"instances": -1, "cores": -1})
    context = make_context(owner)
    network = make_network(context)
    make_subnet(network, context)
    image = make_image(context=context, data=RAW)
    image.properties.create(name="os_type", value="linux")
    image_id = str(image.id)
    others = {
        f"{state}_id": str(make_server(owner, vm_state=state).id)
        for state in VmState
        if state not in (VmState.ACTIVE, VmState.DELETED)
    }
    server = make_server(owner, metadata={"k": "v"}, tags=["t"], image_id=image_id)
    system = RequestContext.system(project_id=owner.default_project_id)
    port = make_port(network, system, device_id=str(server.id), device_owner="compute:nova")
    give_port(server, port)
    outside, group = make_external(), make_group(context)
    floating = make_floating_ip(context, outside)
    attached = give_volume(server, make_volume(context))
    kept = make_volume(context, pool=make_pool())
    busy, placed = make_server(owner), make_server(owner, host="h1")
    InstanceManager(context).stop(busy.id)
    KeyPair.objects.create(user_id=owner.pk, name="mine", public_key="x", fingerprint="y")
    aggregate = AggregateManager(RequestContext.system()).create(name="fast")
    aggregate.hosts.add(make_host("cold"))
    flavor = Flavor.objects.order_by("ram").first()
    assert flavor is not None
    moving = make_live_migration(busy, status=MigrationStatus.QUEUED)
    return {
        "migration_id": str(moving.pk),
        "server_id": str(server.id),
        "active_id": str(server.id),
        **others,
        "busy_id": str(busy.id),
        "volume_id": str(attached.volume_id),
        "port_id": str(port.id),
        "free_volume_id": str(make_volume(context).id),
        "kept_volume_id": str(kept.id),
        "snapshot_id": str(make_snapshot(kept).id),
        "type_id": str(kept.volume_type_id),
        "placed_id": str(placed.id),
        "label": network.name,
        "key": "k",
        "property": "os_type",
        "pool": outside.name,
        "floating_ip_id": str(floating.id),
        "floating": floating.floating_ip_address,
        "sg_id": str(group.id),
        "rule_id": str(group.rules.first().id),
        "tag": "t",
        "new_tag": "u",
        "group_id": str(
            ServerGroup.objects.create(
                project_id=owner.default_project_id, name="g", policy="affinity"
            ).id
        ),
        "request_id": context.request_id,
        "name": "mine",
        "image_id": image_id,
        "flavor_id": flavor.id,
        "larger_id": Flavor.objects.order_by("ram")[1].id,
        "network_id": str(network.id),
        "aggregate_id": str(aggregate.pk),
        "fixed_ip": port.addresses.get().ip_address,
        "token": draw_token(context, placed, "serial"),
    }


def read(path: str) -> Line:
    """Return the line of one thing of the project: for others it does not exist."""
    return Line("GET", path, PROJECT_READERS, others={"other": 404})


def write(method: str, path: str, body: Any = None, *, status: int = 200) -> Line:
    """Return the line of a change of it."""
    return Line(method, path, PROJECT_MEMBERS, status=status, others={"other": 404}, body=body)


def listed(path: str) -> Line:
    """Return the line of a list: each sees his own."""
    return Line("GET", path, PROJECT_READERS | {"other"})


#: Who passes each rule that a record may name.
WHO: dict[Rule, Collection[str]] = {
    project_reader: PROJECT_READERS,
    project_member: PROJECT_MEMBERS,
    project_manager: OPERATORS | {"manager"},
    admin: OPERATORS,
}
#: Contract 11.1 by hand, lest record and test be wrong together: what is not for every member.
NOT_FOR_MEMBERS: dict[str, Rule] = {
    "swap_volume": admin,
    "reset_state": admin,
    "migrate": project_manager,
    "evacuate": admin,
    "live_migrate": project_manager,
    "shelve_offload": admin,
}
#: What the key of an action holds, where null will not do.
VALUES: dict[str, Any] = {
    "evacuate": {},
    "os-getSerialConsole": {"type": "serial"},
    "os-getVNCConsole": {"type": "novnc"},
    "reboot": {"type": "SOFT"},
    "os-migrateLive": {"host": None, "block_migration": True, "disk_over_commit": False},
    "createImage": {"name": "i"},
    "createBackup": {"name": "i", "backup_type": "daily", "rotation": 1},
    "rebuild": {"imageRef": "{image_id}"},
    "changePassword": {"adminPass": "p"},
    "os-resetState": {"state": "error"},
    "resize": {"flavorRef": "{larger_id}"},
    "addSecurityGroup": {"name": "default"},
    "removeSecurityGroup": {"name": "default"},
    "addFixedIp": {"networkId": "{network_id}"},
    "removeFixedIp": {"address": "{fixed_ip}"},
    "addFloatingIp": {"address": "{floating}", "fixed_address": "192.0.2.9"},
    "removeFloatingIp": {"address": "{floating}"},
}
#: The first version of actions that not every version has.
SINCE = {"trigger_crash_dump": 17}
#: Why even those who pass get an error, and which test shows the success.
UNFINISHED = {
    "evacuate": (409, "its host is not known to be dead: test_evacuations"),
    "addFloatingIp": (400, "the server has no such address: test_addresses"),
    "removeFloatingIp": (409, "it leads to no server: test_addresses"),
    "os-migrateLive": (400, "there is no other host: test_live_migration"),
    "changePassword": (409, "it is on no host that could be asked: test_insides"),
    "trigger_crash_dump": (409, "it is on no host that could be asked: test_insides"),
    **dict.fromkeys(
        ("os-getSerialConsole", "os-getVNCConsole"),
        (409, "it is on no host that could show one: test_consoles"),
    ),
    "os-getConsoleOutput": (409, "it is on no host that could be asked: test_server_life"),
}


def line_of(action: InstanceAction) -> Line:
    """Return the line of an action, about a server that it may start on."""
    state = VmState.ACTIVE if action.starts_in(VmState.ACTIVE) else min(action.vm_states)
    status, unfinished = UNFINISHED.get(action.wire, (action.status, ""))
    return Line(
        "POST",
        f"{V21}/servers/{{{state}_id}}/action",
        WHO[action.rule],
        status=status,
        others={"other": 404} if action.rule in (project_reader, project_member) else {},
        body={action.wire: VALUES.get(action.wire)},
        unfinished=unfinished,
        headers={} if action.versions is ALWAYS else at(f"2.{SINCE.get(action.wire, 1)}"),
        no_record="it only reads" if action.mode is Mode.READING else "",
    )


KEYS = V21 + "/os-keypairs"
IMAGE_METADATA = V21 + "/images/{image_id}/metadata"
ATTACHMENTS = f"{SERVER}/os-volume_attachments"
INTERFACES = f"{SERVER}/os-interface"
LINES = [
    listed(V21 + "/servers"),
    listed(V21 + "/servers/detail"),
    Line("GET", V21 + "/servers?all_tenants=1", OPERATORS),
    Line(
        "POST",
        V21 + "/servers",
        PROJECT_MEMBERS - {"system_admin"},
        status=202,
        others={"other": 400},
        body={"server": CREATE},
    ),
    Line(
        "POST",
        V21 + "/os-dry-run",
        PROJECT_MEMBERS - {"system_admin"},
        others={"other": 400},
        body={"server": CREATE},
        no_record="it only reads",
    ),
    read(SERVER),
    write("PUT", SERVER, {"server": {"name": "x"}}),
    write("DELETE", SERVER, status=204),
    *(line_of(action) for action in ACTIONS.values() if action.wire),
    Line(
        "POST",
        f"{SERVER}/remote-consoles",
        PROJECT_MEMBERS,
        status=409,
        others={"other": 404},
        headers=at("2.6"),
        body={"remote_console": {"protocol": "serial", "type": "serial"}},
        unfinished="it is on no host that could show one: test_consoles",
    ),
    read(f"{SERVER}/ips"),
    read(f"{SERVER}/ips/{{label}}"),
    read(f"{SERVER}/metadata"),
    write("POST", f"{SERVER}/metadata", ITEMS),
    write("PUT", f"{SERVER}/metadata", ITEMS),
    read(f"{SERVER}/metadata/{{key}}"),
    write("PUT", f"{SERVER}/metadata/{{key}}", {"meta": {"k": "w"}}),
    write("DELETE", f"{SERVER}/metadata/{{key}}", status=204),
    *(
        replace(line, headers=at("2.26"))
        for line in (
            read(f"{SERVER}/tags"),
            write("PUT", f"{SERVER}/tags", {"tags": ["t"]}),
            write("DELETE", f"{SERVER}/tags", status=204),
            Line(
                "GET", f"{SERVER}/tags/{{tag}}", PROJECT_READERS, status=204, others={"other": 404}
            ),
            write("PUT", f"{SERVER}/tags/{{new_tag}}", status=201),
            write("DELETE", f"{SERVER}/tags/{{tag}}", status=204),
        )
    ),
    read(f"{SERVER}/os-security-groups"),
    read(INTERFACES),
    write("POST", INTERFACES, {"interfaceAttachment": {"net_id": "{network_id}"}}),
    read(f"{SERVER}/os-virtual-interfaces"),
    read(f"{INTERFACES}/{{port_id}}"),
    write("DELETE", f"{INTERFACES}/{{port_id}}", status=202),
    Line(
        *("GET", f"{SERVER}/diagnostics", OPERATORS),
        status=409,
        unfinished="it is on no host that could be asked: test_insides",
    ),
    Line(
        *("GET", f"{SERVER}/topology", PROJECT_READERS),
        others={"other": 404},
        headers=at("2.78"),
    ),
    read(f"{SERVER}/os-server-password"),
    write("DELETE", f"{SERVER}/os-server-password", status=204),
    read(ATTACHMENTS),
    write("POST", ATTACHMENTS, {"volumeAttachment": {"volumeId": "{free_volume_id}"}}),
    read(f"{ATTACHMENTS}/{{volume_id}}"),
    Line(
        "PUT",
        f"{ATTACHMENTS}/{{volume_id}}",
        PROJECT_MEMBERS,
        status=202,
        others={"other": 404},
        headers=at("2.85"),
        body={"volumeAttachment": {"volumeId": "{volume_id}", "delete_on_termination": True}},
    ),
    Line(
        "PUT",
        f"{ATTACHMENTS}/{{volume_id}}?swap",
        OPERATORS,
        status=202,
        headers=at("2.85"),
        body={"volumeAttachment": {"volumeId": "{free_volume_id}"}},
    ),
    write("DELETE", f"{ATTACHMENTS}/{{volume_id}}", status=202),
    read(f"{SERVER}/os-instance-actions"),
    read(f"{V21}/servers/{{busy_id}}/os-instance-actions/{{request_id}}"),
    Line("GET", V21 + "/os-simple-tenant-usage", OPERATORS),
    Line("GET", V21 + "/os-simple-tenant-usage/{project_id}", PROJECT_READERS),
    Line("GET", V21 + "/os-migrations", OPERATORS),
    Line("GET", f"{SERVER}/migrations", MANAGERS, headers=at("2.23")),
    Line("GET", LIVE, MANAGERS, headers=at("2.23")),
    *(
        Line(
            method,
            path,
            MANAGERS,
            status=400,
            headers=at(version),
            body=body,
            unfinished="it has not begun: test_live_migration",
        )
        for method, path, version, body in (
            ("DELETE", LIVE, "2.24", None),
            ("POST", f"{LIVE}/action", "2.22", {"force_complete": None}),
        )
    ),
    listed(V21 + "/os-server-groups"),
    Line("GET", V21 + "/os-server-groups?all_projects=1", OPERATORS),
    Line(
        "POST",
        V21 + "/os-server-groups",
        PROJECT_MEMBERS - {"system_admin"} | {"other"},
        body={"server_group": {"name": "g", "policies": ["affinity"]}},
    ),
    read(V21 + "/os-server-groups/{group_id}"),
    write("DELETE", V21 + "/os-server-groups/{group_id}", status=204),
    # A key pair is a user's: even his project's other members do not see it.
    Line("GET", KEYS, EVERY_TOKEN),
    Line("POST", KEYS, EVERY_TOKEN, body={"keypair": {"name": "new"}}),
    Line("GET", f"{KEYS}/{{name}}", {"owner"}, refusal=404),
    Line("DELETE", f"{KEYS}/{{name}}", {"owner"}, status=202, refusal=404),
    *(
        Line(
            method,
            f"{KEYS}{path}?user_id={{owner_id}}",
            OPERATORS | {"owner"},
            status=status,
            headers=at("2.92"),
        )
        for method, path, status in (
            ("GET", "", 200),
            ("GET", "/{name}", 200),
            ("DELETE", "/{name}", 204),
        )
    ),
    Line(
        "POST",
        KEYS,
        OPERATORS | {"owner"},
        status=201,
        headers=at("2.92"),
        body={"keypair": {"name": "new", "user_id": "{owner_id}", "public_key": PUBLIC}},
    ),
    Line(
        "POST",
        V21 + "/os-server-external-events",
        OPERATORS | {"service"},
        body={"events": [{"name": "network-changed", "server_uuid": "{placed_id}"}]},
    ),
    listed(V21 + "/images"),
    listed(V21 + "/images/detail"),
    read(V21 + "/images/{image_id}"),
    write("DELETE", V21 + "/images/{image_id}", status=204),
    Line(
        "POST",
        V21 + "/os-aggregates/{aggregate_id}/images",
        OPERATORS,
        status=202,
        headers=at("2.81"),
        body={"cache": [{"id": "{image_id}"}]},
    ),
    *(read(f"{IMAGE_METADATA}{path}") for path in ("", "/{property}")),
    write("POST", IMAGE_METADATA, ITEMS),
    write("PUT", IMAGE_METADATA, ITEMS),
    write("PUT", f"{IMAGE_METADATA}/{{property}}", {"meta": {"os_type": "linux"}}),
    write("DELETE", f"{IMAGE_METADATA}/{{property}}", status=204),
    listed(V21 + "/os-networks"),
    read(V21 + "/os-networks/{network_id}"),
    listed(V21 + "/os-tenant-networks"),
    read(V21 + "/os-tenant-networks/{network_id}"),
    listed(V21 + "/os-floating-ips"),
    Line(
        "POST",
        V21 + "/os-floating-ips",
        PROJECT_MEMBERS - {"system_admin"} | {"other"},
        body={"pool": "{pool}"},
    ),
    read(V21 + "/os-floating-ips/{floating_ip_id}"),
    write("DELETE", V21 + "/os-floating-ips/{floating_ip_id}", status=202),
    listed(V21 + "/os-floating-ip-pools"),
    listed(V21 + "/os-security-groups"),
    Line(
        "POST",
        V21 + "/os-security-groups",
        PROJECT_MEMBERS - {"system_admin"} | {"other"},
        body={"security_group": {"name": "g"}},
    ),
    read(V21 + "/os-security-groups/{sg_id}"),
    write("PUT", V21 + "/os-security-groups/{sg_id}", {"security_group": {"name": "h"}}),
    write("DELETE", V21 + "/os-security-groups/{sg_id}", status=202),
    Line(
        "POST",
        V21 + "/os-security-group-rules",
        PROJECT_MEMBERS - {"system_admin"},
        others={"other": 404},
        body={"security_group_rule": {"parent_group_id": "{sg_id}", "ip_protocol": "tcp"}},
    ),
    write("DELETE", V21 + "/os-security-group-rules/{rule_id}", status=202),
    *(
        Line(
            method,
            V21 + "/os-agents",
            EVERY_TOKEN,
            status=410,
            unfinished="it is gone: test_network_proxies",
        )
        for method in ("GET", "POST", "PUT", "DELETE")
    ),
    *(
        Line(
            method,
            f"{V21}/{path}",
            EVERY_TOKEN,
            status=410,
            unfinished="it is gone: test_network_proxies",
        )
        for name in ("os-networks", "os-tenant-networks")
        for method, path in (("POST", name), ("POST", f"{name}/add"), ("DELETE", f"{name}/x"))
    ),
    Line(
        "POST",
        V21 + "/os-networks/x/action",
        EVERY_TOKEN,
        status=410,
        body={},
        unfinished="it is gone: test_network_proxies",
    ),
    Line(
        "GET",
        V21 + "/os-console-auth-tokens/{token}",
        OPERATORS | {"service"},
        headers=at("2.31"),
    ),
    listed(V21 + "/os-volumes"),
    listed(V21 + "/os-volumes/detail"),
    Line(
        "POST",
        V21 + "/os-volumes",
        PROJECT_MEMBERS - {"system_admin"} | {"other"},
        body={"volume": {"size": 1}},
    ),
    read(V21 + "/os-volumes/{free_volume_id}"),
    write("DELETE", V21 + "/os-volumes/{free_volume_id}", status=202),
    listed(V21 + "/os-snapshots"),
    listed(V21 + "/os-snapshots/detail"),
    write("POST", V21 + "/os-snapshots", {"snapshot": {"volume_id": "{kept_volume_id}"}}),
    read(V21 + "/os-snapshots/{snapshot_id}"),
    write("DELETE", V21 + "/os-snapshots/{snapshot_id}", status=202),
    Line("GET", V21 + "/os-volume-types", EVERY_TOKEN),
    Line("GET", V21 + "/os-volume-types/{type_id}", EVERY_TOKEN),
    Line("GET", V21 + "/limits", IN_A_PROJECT),
    Line("GET", QUOTAS, PROJECT_READERS),
    Line("PUT", QUOTAS, OPERATORS, body={"quota_set": {"cores": 3}}),
    Line("DELETE", QUOTAS, OPERATORS, status=202),
    listed(f"{QUOTAS}/defaults"),
    Line("GET", f"{QUOTAS}/detail", PROJECT_READERS),
    Line("GET", V21 + "/os-quota-class-sets/default", OPERATORS),
    Line(
        "PUT",
        V21 + "/os-quota-class-sets/default",
        OPERATORS,
        body={"quota_class_set": {"cores": 3}},
    ),
]
FAULTS = {
    410: "computeFault",
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    409: "conflictingRequest",
}


def check(answer: Any) -> None:
    """A refusal is in compute's words; a 403 names the policy."""
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://testserver/identity"'
        assert answer.json()["error"]["code"] == 401
    elif answer.status_code >= 400:
        fault = answer.json()[FAULTS[answer.status_code]]
        assert fault["code"] == answer.status_code
        if answer.status_code == 403:
            said = fault["message"]
            # the words of the services that are asked: network's, image's
            proxied = said.endswith((" is disallowed by policy", "to complete this action."))
            assert proxied or said.startswith(("Policy doesn't allow ", "This call needs a token"))
    elif answer.status_code in (202, 204) and not answer.content:
        assert answer.headers["Content-Length"] == "0"


world = shared_world(build)
test_access = access_test(LINES, check)


def test_what_is_not_for_every_member_is_said_by_hand() -> None:
    said = {name: one.rule for name, one in ACTIONS.items() if one.rule is not project_member}
    assert said == NOT_FOR_MEMBERS


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "reader"), [("ips/no-such-network", 404), ("os-instance-actions/req-none", 404)]
)
def test_what_a_server_does_not_have(path: str, reader: int, world: World) -> None:
    line = Line("GET", f"{SERVER}/{path}", {"reader"})
    for caller in ("other", "reader", "member", "manager", "admin"):
        assert world.send(line, caller).status_code == reader
    assert world.send(line, "anonymous").status_code == 401


@pytest.mark.django_db
def test_lists_hold_nothing_of_others(world: World) -> None:
    stranger = client_with("admin")
    for path in ("servers", "servers/detail"):
        line = Line("GET", f"{V21}/{path}", {"other"})
        assert world.send(line, "other").json() == {"servers": []}
        assert stranger.send("GET", f"{V21}/{path}").json() == {"servers": []}
        assert (
            len(world.send(line, "reader").json()["servers"])
            == Instance.objects.exclude(vm_state="soft-delete").count()
        )
    everybody = world.send(Line("GET", V21 + "/servers?all_tenants=1", OPERATORS), "admin")
    assert (
        len(everybody.json()["servers"]) == Instance.objects.exclude(vm_state="soft-delete").count()
    )


@pytest.mark.django_db
def test_a_project_in_the_url_must_be_the_tokens(world: World) -> None:
    own = Line("GET", "/compute/v2.1/{project_id}/servers/{server_id}", {"owner"})
    assert world.send(own, "owner").status_code == 200
    other = Line("GET", f"/compute/v2.1/{'0' * 32}/servers/{{server_id}}", {"owner"})
    wrong = world.send(other, "owner")
    assert wrong.status_code == 400
    assert "doesn't match Context's project_id" in wrong.json()["badRequest"]["message"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "more",
    [{"availability_zone": "nova:h1"}, {"host": "h1"}, {"hypervisor_hostname": "h1"}],
    ids=str,
)
def test_only_an_operator_says_where(more: dict[str, str], world: World) -> None:
    """A host in the zone or at its own key is for admins."""
    wanted = {"name": "x", "flavorRef": "1", "imageRef": "{owner_id}", "networks": "none"}
    line = Line(
        "POST", V21 + "/servers", {"admin"}, body={"server": wanted | more}, headers=at("2.96")
    )
    for caller in ("member", "owner", "manager"):
        assert world.send(line, caller).status_code == 403, more
