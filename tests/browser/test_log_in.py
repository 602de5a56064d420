"""The log-in page in a real browser: another domain, an identity provider, phones and colours."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from cloudweb import process
from tests.browser.conftest import Browser
from tests.builders.openid import CLIENT_ID, CLIENT_SECRET, PASSWORD, Provider, running_provider
from tests.infrastructure import ROOT, Cloud

pytestmark = pytest.mark.timeout(400)


def manage(cloud: Cloud, *words: str) -> str:
    """Run manage.py as this cloud's operator."""
    environment = {
        "CLOUDWEB_VAR": str(cloud.var),
        "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
    }
    command = (sys.executable, str(ROOT / "manage.py"), *words)
    return process.run(*command, env=environment, cwd=ROOT, timeout=120).text


@pytest.fixture(scope="module")
def oidc(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider that this cloud is registered at."""
    secret = tmp_path_factory.mktemp("oidc") / "secret"
    secret.write_text(CLIENT_SECRET)
    with running_provider() as provider:
        provider.add("carol", email="carol@corp.example")
        manage(
            cloud, "identity_provider", "corp", "--issuer", provider.issuer, "--client-id",
            CLIENT_ID, "--client-secret-file", str(secret), "--label", "Corp SSO",
        )  # fmt: skip
        yield provider


def test_by_an_identity_provider_and_out_again(browser: Browser, oidc: Provider) -> None:
    browser.open("/login?next=/account")
    assert "Log in with Corp SSO" in browser.text(".providers")
    browser.press(".providers a")
    browser.wait(lambda: browser.driver.title == "Provider", "the provider asks")
    browser.fill("[name=username]", "carol")
    browser.fill("[name=password]", PASSWORD)
    browser.press("button")
    browser.find(".side")
    assert urlsplit(browser.driver.current_url).path == "/account"
    assert "carol" in browser.text("body")

    browser.run("document.querySelector('form[action=\"/logout\"]').submit()")
    browser.wait(lambda: "logged out" in browser.text("h1"), "the farewell")
    browser.press("main .btn-primary")
    browser.wait(lambda: "Log in with" in browser.text("main"), "the log-in page again")
    assert "/logout" in oidc.asked
    assert browser.complaints() == []


def test_another_domain_is_a_click_away(browser: Browser) -> None:
    browser.open("/login?next=/account")
    assert not browser.find("[name=domain]").is_displayed()
    browser.press(".other-domain summary")
    browser.wait(browser.find("[name=domain]").is_displayed, "the field")
    browser.fill("[name=username]", "demo")
    browser.fill("[name=domain]", "nowhere")
    browser.fill("[name=password]", browser.cloud.password())
    browser.press("button[type=submit]")
    browser.find(".note")
    assert browser.find("[name=domain]").is_displayed()
    browser.fill("[name=domain]", "Default")
    browser.fill("[name=password]", browser.cloud.password())
    browser.press("button[type=submit]")
    browser.find(".side")
    assert browser.complaints() == []


def test_it_fits_every_screen(browser: Browser, oidc: Provider) -> None:
    for scheme, width in itertools.product(("light", "dark"), (1440, 360)):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.size(width, 800)
        browser.open("/login")
        browser.press(".other-domain summary")
        browser.find("[name=domain]")
        if folder := os.environ.get("CLOUDWEB_PICTURES"):
            browser.driver.save_screenshot(f"{folder}/log-in-{scheme}-{width}.png")
        fits = browser.run("return document.documentElement.scrollWidth <= window.innerWidth")
        assert fits, (scheme, width)
        assert browser.complaints() == [], (scheme, width)
