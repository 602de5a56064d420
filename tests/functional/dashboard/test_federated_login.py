"""Logging in to the dashboard by a real provider: the whole way, and the ways it must not go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from cloudweb.context import RequestContext
from identity import multifactor
from identity.federation import discovery
from identity.manager import IdentityProviderManager
from identity.models import IdentityProvider, Protocol, User
from identity.models.user import Source
from tests.builders.browsers import text_of
from tests.builders.identity import make_domain, make_provider
from tests.builders.openid import PASSWORD, Provider, running_provider

pytestmark = pytest.mark.django_db
CALLBACK = "http://testserver/login/oidc/callback"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def oidc(running: Provider) -> Iterator[Provider]:
    discovery.forget()
    make_domain()
    running.add("alice", email="alice@corp.example")
    yield running
    discovery.forget()
    for one in (running.accounts, running.codes, running.bent, running.document):
        one.clear()


@pytest.fixture
def idp(oidc: Provider) -> IdentityProvider:
    return make_provider(oidc.issuer, label="Corp")


def depart(browser: Client, idp: IdentityProvider, query: str = "") -> str:
    """Start a log-in; return the provider's URL."""
    answer = browser.get(f"/login/oidc/{idp.pk}{query}")
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def sign_in(url: str, name: str = "alice") -> str:
    """Sign in at the provider; return where it sends the browser."""
    form = {"username": name, "password": PASSWORD}
    answer = httpx.post(url, data=form, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def is_logged_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def refusal(browser: Client, url: str) -> str:
    """Follow a callback that must fail; return what the log-in page says."""
    answer = browser.get(url)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")
    assert not is_logged_in(browser)
    return text_of(browser.get("/login"))


def test_the_whole_way(oidc: Provider, idp: IdentityProvider) -> None:
    browser = Client()
    page = text_of(browser.get("/login?next=/account"))
    assert "Log in with Corp" in page
    url = depart(browser, idp, "?next=/account")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{oidc.issuer}/authorize?")
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == CALLBACK
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    back = sign_in(url)
    assert back.startswith(CALLBACK)
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account")
    user = User.objects.get(pk=browser.session["_auth_user_id"])
    assert (user.name, user.source, user.domain_id) == ("alice", Source.OIDC, idp.domain_id)
    assert "Corp" in text_of(Client().get("/login"))

    out = browser.post("/logout")
    assert out.headers["Location"] == "/logged-out"
    assert not is_logged_in(browser)
    farewell = browser.get("/logged-out").content.decode()
    assert f"{oidc.issuer}/logout?" in farewell
    assert "id_token_hint=" in farewell
    assert browser.get("/logged-out").headers["Location"] == "/login"


@pytest.mark.usefixtures("oidc")
def test_who_has_to_show_more_is_not_let_in(idp: IdentityProvider) -> None:
    browser = Client()
    browser.get(sign_in(depart(browser, idp)))
    browser.post("/logout")
    rules = {multifactor.ENABLED: True, multifactor.RULES: [["mapped", "totp"]]}
    User.objects.filter(name="alice").update(options=rules)
    assert "has to show more" in refusal(browser, sign_in(depart(browser, idp)))
    rules[multifactor.RULES] = [["mapped"]]
    User.objects.filter(name="alice").update(options=rules)
    browser.get(sign_in(depart(browser, idp)))
    assert is_logged_in(browser)


@pytest.mark.usefixtures("oidc")
def test_a_callback_ends_a_journey_once(idp: IdentityProvider) -> None:
    browser = Client()
    back = sign_in(depart(browser, idp))
    browser.get(back)
    browser.post("/logout")
    assert "Try again" in refusal(browser, back)


@pytest.mark.usefixtures("oidc")
def test_a_callback_of_another_browser(idp: IdentityProvider) -> None:
    """Nobody is logged in as somebody else by a link he is sent."""
    back = sign_in(depart(Client(), idp))
    assert "another browser" in refusal(Client(), back)
    victim = Client()
    depart(victim, idp)
    assert "not started here" in refusal(victim, back)


@pytest.mark.usefixtures("oidc")
def test_a_journey_does_not_wait_for_ever(idp: IdentityProvider, monkeypatch: Any) -> None:
    browser = Client()
    back = sign_in(depart(browser, idp))
    later = time.time() + 3600
    monkeypatch.setattr("dashboard.views.federation.time.time", lambda: later)
    assert "took too long" in refusal(browser, back)


@pytest.mark.usefixtures("oidc")
def test_the_provider_says_no(idp: IdentityProvider) -> None:
    browser = Client()
    url = depart(browser, idp)
    state = parse_qs(urlsplit(url).query)["state"][0]
    said = refusal(browser, f"/login/oidc/callback?error=access_denied&state={state}")
    assert "did not let you in" in said


@pytest.mark.usefixtures("oidc")
def test_a_code_that_is_none(idp: IdentityProvider) -> None:
    browser = Client()
    state = parse_qs(urlsplit(depart(browser, idp)).query)["state"][0]
    assert "refused" in refusal(browser, f"/login/oidc/callback?code=made-up&state={state}")


def test_a_code_of_another_journey_has_another_nonce_and_verifier(
    oidc: Provider, idp: IdentityProvider
) -> None:
    stolen = parse_qs(urlsplit(sign_in(depart(Client(), idp))).query)["code"][0]
    browser = Client()
    state = parse_qs(urlsplit(depart(browser, idp)).query)["state"][0]
    callback = f"/login/oidc/callback?code={stolen}&state={state}"
    assert "refused" in refusal(browser, callback)


@pytest.mark.parametrize(
    "bent",
    [
        {"nonce": "another"},
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"exp": 1},
        {"azp": "another-client"},
        {"aud": ["cloudweb", "another-client"]},
    ],
)
def test_id_tokens_that_say_the_wrong_thing(
    oidc: Provider, idp: IdentityProvider, bent: dict[str, Any]
) -> None:
    browser = Client()
    back = sign_in(depart(browser, idp))
    oidc.bent.update(bent)
    assert "refused" in refusal(browser, back)
    assert not User.objects.filter(source=Source.OIDC).exists()


@pytest.mark.usefixtures("oidc")
@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_next_leads_nowhere_else(idp: IdentityProvider, wanted: str) -> None:
    browser = Client()
    answer = browser.get(sign_in(depart(browser, idp, f"?next={wanted}")))
    assert answer.headers["Location"] == "/"


def test_a_provider_that_is_away_is_said_so(idp: IdentityProvider) -> None:
    away = make_provider("http://127.0.0.1:1")
    browser = Client()
    assert browser.get(f"/login/oidc/{away.pk}").headers["Location"] == "/login"
    assert "does not answer" in text_of(browser.get("/login"))
    assert browser.get("/login/oidc/nobody").headers["Location"] == "/login"


def test_only_usable_providers_are_offered(idp: IdentityProvider) -> None:
    make_provider("https://a.example", label="No client", client_id="")
    make_provider("https://b.example", label="Disabled", enabled=False)
    Protocol.objects.filter(provider=make_provider("https://c.example", label="Mute")).delete()
    page = text_of(Client().get("/login"))
    assert page.count("Log in with") == 1
    assert "Corp" in page


@pytest.mark.usefixtures("oidc")
def test_disabling_the_provider_ends_its_browser_sessions(idp: IdentityProvider) -> None:
    browser = Client()
    browser.get(sign_in(depart(browser, idp)))
    assert browser.get("/account").status_code == 200
    IdentityProviderManager(RequestContext.system()).update(idp.pk, enabled=False)
    assert browser.get("/account").status_code == 302


def test_an_operator_registers_a_provider_by_one_command(oidc: Provider, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret-of-the-client\n")
    given = {"issuer": oidc.issuer, "client_id": "cloudweb", "client_secret_file": secret}
    call_command("identity_provider", "corp", label="Corp SSO", **given)
    browser = Client()
    idp = IdentityProvider.objects.get(pk="corp")
    assert browser.get(sign_in(depart(browser, idp))).headers["Location"] == "/"
    assert is_logged_in(browser)
    call_command("identity_provider", "corp", label="Corp")
    assert "Log in with Corp" in text_of(Client().get("/login"))
    for wrong in ({}, {"issuer": "http://evil.example", "client_id": "x"}):
        with pytest.raises(CommandError):
            call_command("identity_provider", "other", **wrong)
    assert not IdentityProvider.objects.filter(pk="other").exists()
