"""A volume is offered in the browser, its key shown once, and taken in another project's."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from identity.models import User
from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.identity import make_context, make_member
from tests.builders.volumes import make_volume
from volume.models import Transfer
from volume.states import VolumeStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_member("member", password=PASSWORD)


@pytest.fixture
def browser(user: User) -> Client:
    return browser_of(user)


def test_a_volume_is_offered_and_taken(browser: Client, user: User) -> None:
    row = make_volume(make_context(user), name="data")
    url = reverse("volume", args=[row.id])
    assert 'data-ask="Offer data to another project?"' in browser.get(url).content.decode()
    answer = browser.post(f"{url}/offer")
    assert answer.headers["Cache-Control"] == "no-store"
    key = re.search(r'id="transfer-key">([0-9a-f]+)<', answer.content.decode())
    transfer = Transfer.objects.get()
    assert key
    assert key[1] not in browser.get(url).content.decode()
    assert str(transfer.id) in text_of(browser.get(url))
    taker = browser_of(make_member("member", password=PASSWORD))
    sent = {
        "no key": {"transfer": str(transfer.id)},
        "wrong key": {"transfer": str(transfer.id), "key": "x"},
        "no transfer": {"transfer": str(row.id), "key": key[1]},
        "no id": {"transfer": "x", "key": key[1]},
    }
    found = {why: taker.post("/volumes/take", body).status_code for why, body in sent.items()}
    assert found == dict.fromkeys(sent, 422)
    taken = taker.post("/volumes/take", {"transfer": str(transfer.id), "key": f" {key[1]} "})
    assert (taken.url, said(taken)) == ("/volumes", ["The volume is this project's."])
    assert taker.get(url).status_code == 200
    assert browser.get(url).status_code == 404


def test_an_offer_is_taken_back(browser: Client, user: User) -> None:
    row = make_volume(make_context(user))
    url = reverse("volume", args=[row.id])
    browser.post(f"{url}/offer")
    transfer = Transfer.objects.get()
    assert browser.post(f"{url}/offer/{transfer.id}/withdraw").url == url
    row.refresh_from_db()
    assert row.status == VolumeStatus.AVAILABLE
    assert browser.post(f"{url}/offer/{transfer.id}/withdraw").status_code == 404


def test_what_a_server_has_is_not_offered(browser: Client, user: User) -> None:
    row = make_volume(make_context(user), status=VolumeStatus.IN_USE)
    url = reverse("volume", args=[row.id])
    answer = browser.post(f"{url}/offer", headers={"Referer": f"http://testserver{url}"})
    assert answer.url.endswith(url)
    assert "Invalid volume" in said(answer)[0]
    assert not Transfer.objects.exists()
