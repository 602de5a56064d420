"""A server's page gives it network cards and takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from instances.models import InstancePort
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member
from tests.builders.instances import lab
from tests.builders.networks import make_network, make_port, make_subnet

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_card_is_chosen_attached_and_detached(tmp_path: Path) -> None:
    with lab(tmp_path) as home:
        server = home.create()
        network = make_subnet(make_network(home.context, name="backstage"), home.context).network
        port = make_port(network, home.context, name="mine")
        browser = browser_of(make_member("member", project=home.project, password=PASSWORD))
        page, at = f"/servers/{server}", f"/servers/{server}/interfaces"
        assert at in browser.get(page).content.decode()
        asked = text_of(browser.get(at))
        assert "A new port on backstage" in asked
        assert "Port mine · " in asked
        for what in (str(network.id), f"port:{port.id}"):
            assert browser.post(at, {"what": what}).status_code == 302
        home.cloud.settle()
        shown = browser.get(page).content.decode()
        ids = [str(one) for one in InstancePort.objects.values_list("port_id", flat=True)]
        assert [f"{at}/{one}/detach" in shown for one in ids] == [True] * 3
        taken = browser.post(at, {"what": f"port:{port.id}"})
        assert taken.status_code == 422
        assert "not there any more" in text_of(taken)
        assert browser.post(f"{at}/{port.id}/detach").status_code == 302
        assert f"{at}/{port.id}/detach" in shown
        home.cloud.settle()
        assert "card on backstage" in browser.get(page).content.decode()
        assert InstancePort.objects.count() == 2
        home.act(server, "lock")
        assert at not in browser.get(page).content.decode()
