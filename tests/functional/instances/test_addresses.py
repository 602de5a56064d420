"""Addresses of servers, cards and consoles as clients of old ask for them, and what ended with 2.44."""

from __future__ import annotations

from typing import Any

import pytest

from instances.manager.console_tokens import draw_token
from instances.models import Instance
from network.models import FloatingIp, Port
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.builders.servers import give_port, make_server

pytestmark = pytest.mark.django_db
UNKNOWN = "00000000-0000-4000-8000-000000000001"


class Home:
    """A project with a server on a network whose router leads outside, and an address of outside."""

    def __init__(self) -> None:
        self.user = make_member("member")
        context = make_context(self.user)
        self.network, outside = make_network(context, name="inside"), make_external()
        self.subnet = make_subnet(self.network, context)
        make_router(context, subnets=[self.subnet], external=outside)
        self.server = make_server(self.user, host="h1")
        self.port = self.card(self.server)
        self.floating = make_floating_ip(context, outside)

    def card(self, server: Instance) -> Port:
        port = make_port(self.network, make_context(self.user), device_id=str(server.id))
        give_port(server, port)
        return port

    def ask(self, method: str, path: str, body: Any = None, minor: int = 43) -> Any:
        at = {"OpenStack_API_Version": f"compute 2.{minor}"}
        url = f"/compute/v2.1/servers/{self.server.id}{path}"
        return client_of(self.user).send(method, url, body, **at)

    def act(self, action: str, minor: int = 43, **said: Any) -> int:
        return int(self.ask("POST", "/action", {action: said}, minor).status_code)

    @property
    def fixed(self) -> list[str]:
        return sorted(self.port.addresses.values_list("ip_address", flat=True))


def test_fixed_addresses_come_and_go() -> None:
    home = Home()
    (first,) = home.fixed
    assert home.act("addFixedIp", networkId=str(home.network.id)) == 202
    both = home.fixed
    assert (len(both), first in both) == (2, True)
    shown = home.ask("GET", "/ips/inside").json()["inside"]
    assert sorted(one["addr"] for one in shown) == both
    assert home.act("removeFixedIp", address=first) == 202
    assert home.fixed == [one for one in both if one != first]
    refused = [
        home.act("removeFixedIp", address=first),
        home.act("addFixedIp", networkId=UNKNOWN),
        home.act("addFixedIp", networkId="x"),
        home.act("removeFixedIp", address="x"),
    ]
    assert refused == [404, 404, 400, 400]


def test_a_network_without_addresses_left_says_so() -> None:
    home = Home()
    small = make_network(make_context(home.user), name="small")
    make_subnet(small, make_context(home.user), cidr="10.9.0.0/30", gateway_ip=None)
    home.network = small
    home.card(home.server)
    while (code := home.act("addFixedIp", networkId=str(small.id))) == 202:
        pass
    assert code == 409


def test_floating_addresses_lead_to_a_server_and_to_no_other() -> None:
    home = Home()
    address, fixed = home.floating.floating_ip_address, home.fixed[0]
    assert home.act("removeFloatingIp", address=address) == 409
    assert home.act("addFloatingIp", address=address, fixed_address="192.0.2.9") == 400
    assert home.act("addFloatingIp", address=address) == 202
    row = FloatingIp.objects.get()
    assert (row.fixed_port_id, row.fixed_ip_address) == (home.port.id, fixed)
    shown = home.ask("GET", "").json()["server"]["addresses"]["inside"]
    assert address in [one["addr"] for one in shown]
    there, home.server = home.server, make_server(home.user, host="h1")
    other = home.card(home.server)
    assert home.act("addFloatingIp", address=address, fixed_address=None) == 202
    assert FloatingIp.objects.get().fixed_port_id == other.id
    home.server = there
    assert home.act("removeFloatingIp", address=address) == 409
    FloatingIp.objects.update(project_id="another")
    assert home.act("addFloatingIp", address=address) == 404


def test_what_ended_with_2_44() -> None:
    home = Home()
    said = {"address": home.floating.floating_ip_address}
    actions = ("addFixedIp", "removeFixedIp", "addFloatingIp", "removeFloatingIp")
    assert {home.act(action, 44, **said) for action in actions} == {404}
    assert home.ask("GET", "/os-virtual-interfaces", minor=44).status_code == 404
    card = {"id": str(home.port.id), "mac_address": home.port.mac_address}
    for minor, more in ((11, {}), (12, {"net_id": str(home.network.id)})):
        shown = home.ask("GET", "/os-virtual-interfaces", minor=minor).json()
        assert shown == {"virtual_interfaces": [card | more]}
    gone = {home.act(one) for one in ("injectNetworkInfo", "resetNetwork", "os-getRDPConsole")}
    assert gone == {410}


def test_a_token_of_a_console_tells_where_it_leads_and_stays_good() -> None:
    home = Home()
    token = draw_token(make_context(home.user), home.server, "serial")
    operator = client_of(make_member("admin"))

    def ask(client: Any, said: str, minor: int = 31) -> Any:
        at = {"OpenStack_API_Version": f"compute 2.{minor}"}
        answer = client.send("GET", f"/compute/v2.1/os-console-auth-tokens/{said}", **at)
        return answer.json() if answer.status_code == 200 else answer.status_code

    led = {"instance_uuid": str(home.server.id), "host": "h1"}
    led |= {"port": None, "internal_access_path": None}
    assert ask(operator, token) == ask(operator, token) == {"console": led}
    assert ask(operator, token, 30) == 404
    assert ask(operator, "none") == 404
    assert ask(client_of(home.user), token) == 403
    home.server.delete()
    assert ask(operator, token) == 404


def test_the_quotas_of_all_projects() -> None:
    user, url = make_member("member"), "/compute/v2.1/os-quota-class-sets"
    operator = client_of(make_member("admin"))

    def ask(method: str, name: str = "default", minor: int = 96, **said: Any) -> Any:
        at = {"OpenStack_API_Version": f"compute 2.{minor}"}
        body = {"quota_class_set": said} if method == "PUT" else None
        answer = operator.send(method, f"{url}/{name}", body, **at)
        found = answer.json()
        return found["quota_class_set"] if answer.status_code == 200 else answer.status_code

    def limit(project_id: str | None) -> Any:
        at = {"OpenStack_API_Version": "compute 2.96"}
        path = f"/compute/v2.1/os-quota-sets/{project_id}"
        return operator.send("GET", path, **at).json()["quota_set"]["cores"]

    groups, nets = {"server_groups", "server_group_members"}, {"fixed_ips", "floating_ips"}
    assert groups <= ask("GET", minor=50).keys() >= {"injected_files"}
    assert not nets & ask("GET", minor=50).keys()
    assert not groups & ask("GET", minor=49).keys() >= nets
    assert "injected_files" not in ask("GET", minor=57)
    assert (ask("GET")["id"], limit(user.default_project_id)) == ("default", 20)
    changed = ask("PUT", cores=7)
    assert (changed["cores"], "id" in changed) == (7, False)
    assert limit(user.default_project_id) == 7
    refused = [
        ask("GET", "other"),
        ask("PUT", "other", cores=1),
        ask("PUT", cores=-2),
        ask("PUT", colours=1),
        ask("PUT", minor=49, server_groups=1),
        ask("PUT", minor=50, floating_ips=1),
    ]
    assert refused == [404, 404, 400, 400, 400, 400]
    assert ask("PUT", minor=49, floating_ips=1)["floating_ips"] == -1
