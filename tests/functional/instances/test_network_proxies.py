"""What the compute API passed on to networks below 2.36, as clients of old ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from network.models import SecurityGroupRule
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.images import RAW, make_image
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.builders.servers import give_port, make_server

pytestmark = pytest.mark.django_db


def test_networks_addresses_and_groups_in_the_words_of_old() -> None:
    user = make_member("member")
    context, client = make_context(user), client_of(user)
    network = make_network(context, name="inside")
    subnet, outside = make_subnet(network, context), make_external()
    make_router(context, subnets=[subnet], external=outside)
    server = make_server(user)
    port = make_port(network, context)
    give_port(server, port)
    floating = make_floating_ip(context, outside, port_id=port.id)

    def ask(method: str, path: str, body: object = None, version: str = "2.35") -> object:
        at = {"OpenStack_API_Version": f"compute {version}"}
        answer = client.send(method, f"/compute/v2.1{path}", body, **at)
        return answer.json() if answer.status_code == 200 else answer.status_code

    one = {"id": str(network.id), "label": "inside", "cidr": None}
    assert one in ask("GET", "/os-networks")["networks"]  # type: ignore[index]
    assert ask("GET", f"/os-networks/{network.id}") == {"network": one}
    assert ask("GET", f"/os-tenant-networks/{network.id}") == {"network": {**one, "cidr": "None"}}
    assert ask("GET", "/os-floating-ip-pools") == {"floating_ip_pools": [{"name": outside.name}]}
    shown = {
        "id": str(floating.id),
        "ip": floating.floating_ip_address,
        "pool": outside.name,
        "fixed_ip": floating.fixed_ip_address,
        "instance_id": port.device_id or None,
    }
    assert ask("GET", "/os-floating-ips") == {"floating_ips": [shown]}
    assert ask("GET", f"/os-floating-ips/{floating.id}") == {"floating_ip": shown}
    made = ask("POST", "/os-floating-ips", {"pool": None})["floating_ip"]  # type: ignore[index]
    assert (made["pool"], made["fixed_ip"], made["instance_id"]) == (outside.name, None, None)
    assert ask("DELETE", f"/os-floating-ips/{made['id']}") == 202
    assert ask("POST", "/os-floating-ips", {"pool": "no such"}) == 404

    said = {"security_group": {"name": "web", "description": "of old"}}
    group = ask("POST", "/os-security-groups", said)["security_group"]  # type: ignore[index]
    assert (group["tenant_id"], group["rules"]) == (str(context.project_id), [])

    def rule(**said: object) -> object:
        body = {"security_group_rule": {"parent_group_id": group["id"], **said}}
        return ask("POST", "/os-security-group-rules", body)

    web = rule(ip_protocol="TCP", from_port="80", to_port=80)["security_group_rule"]  # type: ignore[index]
    assert {key: web[key] for key in ("ip_protocol", "from_port", "to_port", "ip_range")} == {
        "ip_protocol": "tcp", "from_port": 80, "to_port": 80, "ip_range": {"cidr": "0.0.0.0/0"},
    }  # fmt: skip
    ping = {"ip_protocol": "icmp", "from_port": -1, "to_port": -1, "group_id": group["id"]}
    assert rule(**ping)["security_group_rule"]["group"]["name"] == "web"  # type: ignore[index]
    found = {
        "block": rule(ip_protocol="tcp", from_port=1, to_port=2, cidr="x/y"),
        "port": rule(ip_protocol="tcp", from_port=1, to_port=70000),
        "twice": rule(ip_protocol="tcp", from_port=80, to_port=80),
        "renamed": ask(
            "PUT", f"/os-security-groups/{group['id']}", {"security_group": {"name": ""}}
        ),
        "drop": ask("DELETE", f"/os-security-group-rules/{web['id']}"),
        "drop again": ask("DELETE", f"/os-security-group-rules/{web['id']}"),
    }
    assert found == {
        "block": 400, "port": 400, "twice": 409, "renamed": 400, "drop": 202, "drop again": 404,
    }  # fmt: skip
    shown_group = ask("GET", f"/os-security-groups/{group['id']}")["security_group"]  # type: ignore[index]
    assert [one["ip_protocol"] for one in shown_group["rules"]] == ["icmp"]
    assert SecurityGroupRule.objects.filter(security_group_id=group["id"]).count() == 3
    assert ask("DELETE", f"/os-security-groups/{group['id']}") == 202
    proxies = (
        "networks",
        "tenant-networks",
        "floating-ips",
        "floating-ip-pools",
        "security-groups",
    )
    assert {ask("GET", f"/os-{name}", version="2.36") for name in proxies} == {404}


def test_images_in_the_words_of_old() -> None:
    user = make_member("member")
    client, context = client_of(user), make_context(user)
    image = make_image(context=context, data=RAW, name="cirros")
    make_image(context=context, data=RAW, name="other")
    image.properties.create(name="os_type", value="linux")

    def ask(method: str, path: str, version: str = "2.1") -> Any:
        at = {"OpenStack_API_Version": f"compute {version}"}
        answer = client.send(method, f"/compute/v2.1/images{path}", **at)
        return answer.json() if answer.status_code == 200 else answer.status_code

    shown = ask("GET", f"/{image.id}")["image"]
    assert (shown["status"], shown["progress"], shown["metadata"]) == (
        "ACTIVE", 100, {"os_type": "linux"},
    )  # fmt: skip
    assert shown["OS-EXT-IMG-SIZE:size"] == len(RAW)
    assert {one["rel"] for one in shown["links"]} == {"self", "bookmark", "alternate"}
    assert ask("GET", "/detail?name=cirros") == {"images": [shown]}
    short = {key: shown[key] for key in ("id", "name", "links")}
    assert short in ask("GET", "")["images"]
    assert len(ask("GET", "?limit=1")["images"]) == 1
    found = [ask("GET", "?limit=x"), ask("GET", "/none"), ask("GET", "", "2.36")]
    assert found == [400, 404, 404]
    assert (ask("DELETE", f"/{image.id}"), ask("GET", f"/{image.id}")) == (204, 404)


def test_what_was_removed_says_so_at_every_version() -> None:
    client = client_of(make_member("member"))
    paths = (
        "os-agents", "os-baremetal-nodes/1", "os-cells/detail", "os-certificates/root", "os-cloudpipe",
        "os-fixed-ips/10.0.0.1/action", "os-floating-ip-dns", "os-floating-ips-bulk/delete", "os-fping",
        "os-security-group-default-rules",
    )  # fmt: skip
    for version in ("2.1", "2.96"):
        at = {"OpenStack_API_Version": f"compute {version}"}
        answers = [client.send("GET", f"/compute/v2.1/{path}", **at) for path in paths]
        assert {one.status_code for one in answers} == {410}
        assert answers[0].json()["computeFault"]["code"] == 410
    for minor in (1, 96):
        at = {"OpenStack_API_Version": f"compute 2.{minor}"}
        writes = [
            *(("POST", "os-networks"), ("DELETE", "os-networks/x"), ("POST", "os-networks/add")),
            *(("POST", "os-networks/x/action"), ("POST", "os-tenant-networks")),
            ("DELETE", "os-tenant-networks/x"),
        ]
        codes = {
            client.send(*one[:1], f"/compute/v2.1/{one[1]}", **at).status_code for one in writes
        }
        assert codes == {410}


def test_properties_of_images_in_the_words_of_old() -> None:
    user = make_member("member")
    client = client_of(user)
    image = make_image(context=make_context(user), data=RAW, name="cirros")
    image.properties.create(name="os_type", value="linux")

    def ask(method: str, path: str = "", body: Any = None, version: str = "2.38") -> Any:
        at = {"OpenStack_API_Version": f"compute {version}"}
        url = f"/compute/v2.1/images/{image.id}/metadata{path}"
        answer = client.send(method, url, body, **at)
        return answer.json() if answer.status_code == 200 else answer.status_code

    assert ask("GET") == {"metadata": {"os_type": "linux"}}
    both = {"metadata": {"os_type": "linux", "a": "b"}}
    assert ask("POST", body={"metadata": {"a": "b"}}) == ask("GET") == both
    assert ask("PUT", "/a", {"meta": {"a": "c"}}) == ask("GET", "/a") == {"meta": {"a": "c"}}
    assert ask("PUT", body={"metadata": {"d": "e"}}) == ask("GET") == {"metadata": {"d": "e"}}
    assert ask("GET", "/os_type") == ask("DELETE", "/os_type") == 404
    assert (ask("DELETE", "/d"), ask("GET")) == (204, {"metadata": {}})
    refused = [
        ask("PUT", "/a", {"meta": {"b": "c"}}),
        ask("POST", body={"metadata": {"visibility": "public"}}),
        ask("POST", body={"metadata": {"a": 1}}),
        ask("POST", body={"metadata": {"status": "active"}}),
        ask("GET", version="2.39"),
    ]
    assert refused == [400, 400, 400, 403, 404]
