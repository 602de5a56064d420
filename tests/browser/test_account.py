"""The user's own pages in a real browser: second factor, application credentials, members."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pyotp
import pytest

from tests.browser.conftest import Browser
from tests.builders.openstack import Command

pytestmark = pytest.mark.timeout(400)
PAGES = (
    "/account", "/account/second-factor", "/account/application-credentials",
    "/account/application-credentials/new", "/account/api", "/members",
)  # fmt: skip


def new_user(browser: Browser, name: str, *roles: str) -> None:
    """Make a user with roles on the demo project, by the openstack command."""
    operator, word = Command(browser.cloud.clouds_yaml), browser.cloud.password()
    operator.text("user", "create", name, "--password", word, "--project", "demo")
    for role in roles:
        operator.text("role", "add", "--user", name, "--project", "demo", role)


def fresh_code(device: pyotp.TOTP, *used: str) -> str:
    """Return a code that was not used yet: each counts once, so wait for the next one."""
    while (code := device.now()) in used:
        time.sleep(0.2)
    return code


def first_code(device: pyotp.TOTP) -> str:
    """Return the code of the period before while that counts for long enough: the next one is there already."""
    into_it = time.time() % device.interval
    return str(
        device.at(time.time() - device.interval if into_it < device.interval / 2 else time.time())
    )


def test_from_the_qr_code_to_the_log_in(browser: Browser) -> None:
    new_user(browser, "careful", "member")
    browser.log_in("careful")
    browser.open("/account/second-factor")
    browser.press("main form button[type=submit]")
    picture = browser.find(".scan-code svg")
    assert picture.size["width"] == picture.size["height"] > 150
    seed = browser.find("#seed").get_attribute("data-seed") or ""
    device = pyotp.TOTP(seed)
    first = first_code(device)
    browser.fill("[name=label]", "Phone")
    browser.fill("[name=passcode]", first)
    browser.fill("[name=password]", browser.cloud.password())
    browser.press("main form button[type=submit]")
    codes = browser.wait(lambda: browser.text("#recovery-codes").split(), "the codes are shown")
    assert len(codes) == 8
    browser.open("/account/second-factor")
    assert "Asks for a code" in browser.text("main")
    assert browser.complaints() == []

    browser.driver.delete_all_cookies()
    browser.give("careful")
    browser.find("[name=code]")
    browser.open("/servers")
    browser.find("[name=username]")
    browser.give("careful")
    second = fresh_code(device, first)
    browser.fill("[name=code]", second)
    browser.press("button[type=submit]")
    browser.find(".side")

    browser.open("/account/second-factor")
    browser.press("[data-opens^=remove-]")
    browser.fill("dialog[open] [name=password]", browser.cloud.password())
    browser.fill("dialog[open] [name=passcode]", codes[0])
    browser.press("dialog[open] [type=submit]")
    browser.wait(lambda: "Set up a second factor" in browser.text("main"), "it is gone")
    browser.driver.delete_all_cookies()
    browser.log_in("careful")


def test_a_credential_and_its_file_in_the_real_command(browser: Browser, tmp_path: Path) -> None:
    browser.log_in()
    browser.open("/account/application-credentials/new")
    browser.fill("[name=name]", "sees-servers")
    browser.press("[name=roles][value=member]")
    browser.press("[data-rules*='/v2.1/servers']")
    assert len(browser.all("#rules .rule")) == 2
    browser.press("[data-add-rule]")
    browser.press("#rules .rule:last-child [data-remove-rule]")
    assert len(browser.all("#rules .rule")) == 2
    browser.press("main form button[type=submit]")
    text = browser.wait(
        lambda: browser.run("return document.getElementById('clouds-yaml')?.textContent"),
        "the file is shown",
    )
    assert browser.complaints() == []
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(text)
    openstack = Command(clouds)
    openstack.text("server", "list", "--no-name-lookup", cloud="demo")
    assert "access rules" in openstack.refusal("network", "list", cloud="demo")
    browser.open("/account/application-credentials")
    assert "2 rules" in browser.text("main table")
    browser.press("main table [value^='delete ']")
    browser.press("#question [data-yes]")
    browser.wait(lambda: "No application credentials yet" in browser.text("main"), "it is gone")


def test_a_manager_sees_to_the_members(browser: Browser) -> None:
    new_user(browser, "boss", "manager")
    new_user(browser, "newcomer")
    browser.log_in("boss")
    browser.press(".side-nav a[href='/members']")
    browser.press("[data-opens=add-box]")
    browser.fill("dialog[open] [name=user_name]", "nobody-here")
    browser.press("dialog[open] [type=submit]")
    browser.wait(lambda: "Could not find user" in browser.text("dialog[open]"), "it says why")
    browser.fill("dialog[open] [name=user_name]", "newcomer")
    browser.press("dialog[open] [name=role][value=reader]")
    browser.press("dialog[open] [type=submit]")
    browser.wait(lambda: "newcomer" in browser.text("main table"), "he is a member")
    row = "//tr[contains(., 'newcomer')]"
    browser.driver.find_element("xpath", f"{row}//option[@value='member']").click()
    browser.driver.find_element("xpath", f"{row}//button[text()='Change']").click()
    browser.wait(lambda: "The role was changed" in browser.text("#toasts"), "it is said")
    browser.driver.find_element("xpath", f"{row}//button[@aria-label]").click()
    browser.press("#question [data-yes]")
    browser.wait(lambda: "newcomer" not in browser.text("main table"), "he is gone")
    errors = [one for one in browser.complaints() if "422" not in one]
    assert errors == []


def test_the_pages_fit_a_phone(browser: Browser) -> None:
    browser.log_in("admin", "cloudweb-admin")
    browser.size(390, 844)
    for path, theme in itertools.product(PAGES, ("light", "dark")):
        browser.run("localStorage.setItem('theme', arguments[0])", theme)
        browser.open(path)
        browser.find("main h1")
        wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], path
        assert browser.complaints() == [], path
