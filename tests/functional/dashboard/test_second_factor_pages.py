"""The second factor in the dashboard: set up, asked for at each log-in page, taken away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pyotp
import pytest
import time_machine
from django.test import Client

from audit.models import Record
from cloudweb.encryption import decrypt
from identity import multifactor
from identity.models import Credential, User
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import grant, make_member, make_project

pytestmark = pytest.mark.django_db
START = "2026-03-01T12:00:00Z"
PAGE = "/account/second-factor"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(START, tick=False) as travelled:
        yield travelled


@dataclass
class Person:
    """Somebody with a device, and the browser in which he set it up."""

    user: User
    browser: Client
    device: pyotp.TOTP
    codes: list[str]

    def give_password(self, client: Client, *, next_url: str = "/servers") -> Any:
        body = {"username": self.user.name, "password": PASSWORD, "next": next_url}
        return client.post("/login", body)


def set_up(user: User, browser: Client | None = None) -> Person:
    """Set a second factor up by the pages."""
    browser = browser or browser_of(user)
    assert browser.post(f"{PAGE}/begin").url == f"{PAGE}/new"
    page = browser.get(f"{PAGE}/new").content.decode()
    found = re.search(r'data-seed="([A-Z2-7]{32})"', page)
    assert found is not None
    device = pyotp.TOTP(found[1])
    body = {"label": "Phone", "passcode": device.now(), "password": PASSWORD}
    made = browser.post(f"{PAGE}/new", body)
    assert made.status_code == 200, text_of(made)
    codes = re.findall(r"\b(?:[a-z2-9]{4}-){3}[a-z2-9]{4}\b", text_of(made))
    assert len(codes) == 8
    assert "no-store" in made.headers["Cache-Control"]
    return Person(user, browser, device, codes)


@pytest.fixture
def person() -> Person:
    return set_up(make_member("member", password=PASSWORD))


def is_in(client: Client) -> bool:
    return client.get("/account").status_code == 200


def test_the_seed_is_drawn_on_the_page_and_sealed_in_the_session() -> None:
    browser = browser_of(make_member(password=PASSWORD))
    browser.post(f"{PAGE}/begin")
    answer = browser.get(f"{PAGE}/new")
    page = answer.content.decode()
    seed = re.search(r'data-seed="([A-Z2-7]+)"', page)
    assert seed is not None
    assert '<svg viewBox="0 0' in page
    assert " style=" not in page
    assert "no-store" in answer.headers["Cache-Control"]
    kept = str(dict(browser.session.items()))
    assert seed[1] not in kept
    assert not Credential.objects.exists()


def test_a_wrong_code_keeps_the_seed_and_what_was_typed() -> None:
    browser = browser_of(make_member(password=PASSWORD))
    browser.post(f"{PAGE}/begin")
    before = browser.get(f"{PAGE}/new").content.decode()
    body = {"label": "My phone", "passcode": "1", "password": PASSWORD}
    answer = browser.post(f"{PAGE}/new", body)
    assert answer.status_code == 422
    assert "one-time password is wrong" in text_of(answer)
    page = answer.content.decode()
    assert 'value="My phone"' in page
    assert f'value="{PASSWORD}"' not in page
    assert re.findall(r'data-seed="(\w+)"', page) == re.findall(r'data-seed="(\w+)"', before)
    assert browser.get(f"{PAGE}/new").status_code == 200


def test_without_a_beginning_there_is_nothing_to_confirm() -> None:
    browser = browser_of(make_member(password=PASSWORD))
    assert browser.get(f"{PAGE}/new").url == PAGE
    body = {"label": "x", "passcode": "1", "password": PASSWORD}
    assert browser.post(f"{PAGE}/new", body).url == PAGE


def test_this_browser_stays_and_all_others_go() -> None:
    user = make_member(password=PASSWORD)
    other = browser_of(user)
    person = set_up(user)
    assert is_in(person.browser)
    assert not is_in(other)


def test_the_codes_are_shown_once(person: Person) -> None:
    for path in (PAGE, f"{PAGE}/new"):
        page = text_of(person.browser.get(path, follow=True))
        assert not any(code in page for code in person.codes)
    assert "8 left" in text_of(person.browser.get(PAGE))


def test_the_log_in_asks_for_the_code_before_anything(person: Person, clock: Any) -> None:
    clock.shift(30)
    client = Client()
    assert person.give_password(client).url == "/login/code"
    assert "_auth_user_id" not in client.session
    assert not is_in(client)
    before = client.session.session_key
    wrong = client.post("/login/code", {"code": "1"})
    assert wrong.status_code == 422
    assert "wrong or was used" in text_of(wrong)
    answer = client.post("/login/code", {"code": person.device.now()})
    assert answer.url == "/servers"
    assert is_in(client)
    assert client.session.session_key != before
    assert "second_step" not in client.session
    again = Client()
    person.give_password(again)
    assert again.post("/login/code", {"code": person.device.now()}).status_code == 422


def test_the_way_back_is_kept_and_leads_nowhere_else(person: Person, clock: Any) -> None:
    clock.shift(30)
    client = Client()
    person.give_password(client, next_url="//evil.example/")
    assert client.post("/login/code", {"code": person.device.now()}).url == "/"


def test_a_recovery_code_logs_in_once(person: Person) -> None:
    client = Client()
    person.give_password(client)
    assert client.post("/login/code", {"code": person.codes[0]}).url == "/servers"
    again = Client()
    person.give_password(again)
    assert again.post("/login/code", {"code": person.codes[0]}).status_code == 422


def test_a_wrong_password_never_comes_to_the_second_step(person: Person) -> None:
    known, nobody = Client(), Client()
    body = {"username": person.user.name, "password": "wrong"}
    answer = known.post("/login", body)
    other = nobody.post("/login", {**body, "username": "nobody-at-all"})
    assert (answer.status_code, other.status_code) == (200, 200)
    assert "do not belong together" in text_of(answer)
    assert text_of(answer) == text_of(other)
    assert known.get("/login/code").url == "/login"
    assert known.post("/login/code", {"code": person.codes[0]}).url == "/login"


def test_wrong_codes_lead_back_to_the_password(person: Person) -> None:
    client = Client()
    person.give_password(client)
    for _ in range(4):
        assert client.post("/login/code", {"code": "000"}).status_code == 422
    assert client.post("/login/code", {"code": "000"}).url == "/login"
    assert client.post("/login/code", {"code": person.codes[0]}).url == "/login"
    assert "Log in again" in text_of(client.get("/login"))
    refused = Record.objects.filter(action="identity:sessions:create", outcome="refused")
    assert refused.get(user_name=person.user.name).count == 5


def test_the_second_step_is_soon_over(person: Person, clock: Any) -> None:
    client = Client()
    person.give_password(client)
    clock.shift(301)
    assert client.post("/login/code", {"code": person.device.now()}).url == "/login"
    assert not is_in(client)


def test_a_new_password_ends_a_step_half_done(person: Person) -> None:
    client = Client()
    person.give_password(client)
    person.user.refresh_from_db()
    person.user.set_password("new")
    person.user.save()
    assert client.post("/login/code", {"code": person.codes[0]}).url == "/login"


def test_codes_are_throttled(person: Person, settings: Any, redis_socket: Any) -> None:
    settings.THROTTLES = {"passcode": "2/minute"}
    settings.THROTTLE_SOCKET = str(redis_socket)
    client = Client()
    person.give_password(client)
    answers = [client.post("/login/code", {"code": "000"}).status_code for _ in range(3)]
    assert answers == [422, 422, 429]
    assert client.post("/login/code", {"code": person.codes[0]}).status_code == 429


def test_who_cannot_be_asked_is_told_so() -> None:
    demanded = make_member(password=PASSWORD, options=dict(multifactor.SWITCHED_ON))
    body = {"username": demanded.name, "password": PASSWORD}
    assert "has none yet" in text_of(Client().post("/login", body))
    odd = {multifactor.ENABLED: True, multifactor.RULES: [["password", "voice"]]}
    other = make_member(password=PASSWORD, options=odd)
    answer = Client().post("/login", {**body, "username": other.name})
    assert "which this page cannot take" in text_of(answer)
    wrong = Client().post("/login", {"username": other.name, "password": "wrong"})
    assert "do not belong together" in text_of(wrong)


def test_the_operators_log_in_has_no_way_around(clock: Any) -> None:
    """Somebody who is no operator meets the admin site's own form; it takes no password alone."""
    user = make_member("member", password=PASSWORD)
    grant(user, make_project(), "admin")
    operator = set_up(user)
    assert operator.browser.get("/admin/").status_code == 200
    client = browser_of(make_member("member", password=PASSWORD))
    body = {"username": user.name, "password": PASSWORD, "next": "/admin/"}
    answer = client.post("/admin/login/", body)
    assert answer.status_code == 200
    assert client.get("/admin/").status_code == 302
    fresh = Client()
    assert fresh.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/login")
    clock.shift(30)
    assert operator.give_password(fresh, next_url="/admin/").url == "/login/code"
    assert fresh.get("/admin/").status_code == 302
    assert fresh.post("/login/code", {"code": operator.device.now()}).url == "/admin/"
    assert fresh.get("/admin/").status_code == 200


def test_removing_by_the_page(person: Person, clock: Any) -> None:
    device = Credential.objects.get()
    url = f"{PAGE}/{device.pk}/remove"
    wrong = person.browser.post(url, {"password": "wrong", "passcode": "1"})
    assert wrong.status_code == 422
    assert "The password is wrong." in text_of(wrong)
    assert f'id="remove-{device.pk}"' in wrong.content.decode()
    assert "data-open>" in wrong.content.decode()
    clock.shift(30)
    body = {"password": PASSWORD, "passcode": person.device.now()}
    assert person.browser.post(f"{PAGE}/{'0' * 32}/remove", body).status_code == 404
    assert person.browser.post(url, body).url == PAGE
    assert not Credential.objects.exists()
    assert person.give_password(Client()).url == "/servers"


def test_a_second_device_takes_a_code_of_the_first(person: Person) -> None:
    person.browser.post(f"{PAGE}/begin")
    page = person.browser.get(f"{PAGE}/new").content.decode()
    found = re.search(r'data-seed="([A-Z2-7]{32})"', page)
    assert found is not None
    assert 'name="current_passcode"' in page
    body = {"label": "Tablet", "passcode": pyotp.TOTP(found[1]).now(), "password": PASSWORD}
    assert person.browser.post(f"{PAGE}/new", body).status_code == 422
    body["current_passcode"] = "no"
    assert "was used already" in text_of(person.browser.post(f"{PAGE}/new", body))
    assert Credential.objects.count() == 1
    body["current_passcode"] = person.codes[0]
    assert person.browser.post(f"{PAGE}/new", body).url == PAGE
    assert Credential.objects.count() == 2


def test_a_new_password_takes_a_code(person: Person, clock: Any) -> None:
    """On the account's page, and on the one of who cannot log in any more."""
    clock.shift(30)
    new = {"old_password": PASSWORD, "new_password1": "n3w", "new_password2": "n3w"}
    assert 'name="passcode"' in person.browser.get("/account").content.decode()
    assert person.browser.post("/account", new).status_code == 422
    answer = person.browser.post("/account", {**new, "passcode": "no"})
    assert "one-time password is wrong" in text_of(answer)
    nobody = Client()
    named = {**new, "username": person.user.name}
    assert "passcode" in text_of(nobody.post("/login/expired", named))
    wrong = {**named, "old_password": "x", "passcode": person.device.now()}
    assert "do not belong together" in text_of(nobody.post("/login/expired", wrong))
    code = {"passcode": person.device.now()}
    assert person.browser.post("/account", {**new, **code}).url == "/account"
    assert is_in(person.browser)
    again = {**named, "old_password": "n3w", "new_password1": "n4", "new_password2": "n4"}
    answer = nobody.post("/login/expired", {**again, "passcode": person.codes[0]})
    assert answer.url == "/login"


def test_new_codes_by_the_page(person: Person, clock: Any) -> None:
    clock.shift(30)
    body = {"password": PASSWORD, "passcode": person.device.now()}
    answer = person.browser.post(f"{PAGE}/codes", body)
    assert "shown only once" in text_of(answer)
    assert not any(code in text_of(answer) for code in person.codes)
    again = person.browser.post(f"{PAGE}/codes", body)
    assert again.status_code == 422


def test_an_operator_resets_it(person: Person) -> None:
    operator = browser_of(make_member("admin", password=PASSWORD))
    page = operator.get(f"/admin/identity/user/{person.user.pk}/change/")
    assert "second-factor/" in page.content.decode()
    url = f"/admin/identity/user/{person.user.pk}/second-factor/"
    member = browser_of(make_member("manager", password=PASSWORD))
    assert member.post(url).status_code == 302
    assert Credential.objects.exists()
    assert "Make sure" in text_of(operator.get(url))
    assert operator.post(url).status_code == 302
    assert not Credential.objects.exists()
    assert not is_in(person.browser)
    record = Record.objects.get(action="identity:second_factors:reset")
    assert (record.outcome, record.target_id, record.origin) == (
        "success", person.user.pk, "admin",
    )  # fmt: skip
    assert person.give_password(Client()).url == "/servers"


def test_no_secret_is_kept_readable(person: Person) -> None:
    seed = decrypt(Credential.objects.get().encrypted_blob)
    records = str(list(Record.objects.values()))
    assert seed not in records
    assert not any(code in records for code in person.codes)
    assert "Add a second factor" in text_of(person.browser.get("/account"))
