"""Servers that get another size or another host: over HTTP, on simulated hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.models import Claim, Flavor
from instances.models import Migration
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2) as found:
        yield found


def flavor(number: int) -> Flavor:
    return Flavor.objects.order_by("ram")[number]


def claims() -> list[tuple[str, int]]:
    return sorted(Claim.objects.values_list("host__name", "ram"))


def act(made: Lab, server: str, action: str, value: Any = None, *, client: Any = None) -> Any:
    path = f"/servers/{server}/action"
    answer = made.send("POST", path, {action: value}, client=client, version="2.60")
    made.cloud.settle()
    return answer


def words(answer: Any) -> tuple[int, str]:
    (fault,) = answer.json().values()
    return answer.status_code, fault["message"]


def test_a_server_is_resized_and_confirmed_or_reverted(made: Lab) -> None:
    server = made.create()
    small, large = flavor(0), flavor(1)
    assert act(made, server, "resize", {"flavorRef": large.id}).status_code == 202
    shown = made.show(server)
    assert (shown["status"], shown["flavor"]["ram"]) == ("VERIFY_RESIZE", large.ram)
    assert len(claims()) == 2
    assert act(made, server, "revertResize").status_code == 202
    shown = made.show(server)
    assert (shown["status"], shown["flavor"]["ram"]) == ("ACTIVE", small.ram)
    assert [ram for _, ram in claims()] == [small.ram]
    act(made, server, "os-stop")
    act(made, server, "resize", {"flavorRef": large.id})
    assert made.show(server)["status"] == "VERIFY_RESIZE"
    assert act(made, server, "confirmResize").status_code == 204
    shown = made.show(server)
    assert (shown["status"], shown["flavor"]["ram"]) == ("SHUTOFF", large.ram)
    assert [ram for _, ram in claims()] == [large.ram]
    assert [*Migration.objects.order_by("id").values_list("status", flat=True)] == [
        *("reverted", "confirmed")
    ]
    assert act(made, server, "os-start").status_code == 202
    assert made.show(server)["status"] == "ACTIVE"
