"""The dashboard in a real browser: a server's life without a reload, uploads, phones, colours."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.browser.conftest import Browser

pytestmark = pytest.mark.timeout(400)
PAGES = (
    "/", "/servers", "/servers/launch", "/images", "/images/new", "/key-pairs", "/activity", "/account",
)  # fmt: skip


def launch(browser: Browser, name: str) -> None:
    """Launch a server by the form; end on its page."""
    browser.open("/servers/launch")
    browser.fill("[name=name]", name)
    browser.press("[data-launch]")
    browser.find("#server")
    # a mark that a reload would wipe out
    browser.run("window.untouched = true")


def badge(browser: Browser) -> str:
    return browser.text("#server .title-line .status")


def test_a_servers_life(browser: Browser) -> None:
    browser.log_in()
    launch(browser, "browser-1")
    browser.wait(lambda: badge(browser) == "Running", "the server runs")
    browser.wait(lambda: browser.text("#server .table").count("172."), "it has an address")
    assert "Boot the guest" in browser.text(".timeline")
    assert not browser.find("[data-action=start]").is_enabled()

    polls = (
        "return performance.getEntriesByName(location.href).filter("
        "(one) => one.initiatorType === 'xmlhttprequest').map((one) => one.responseStatus)"
    )
    browser.wait(
        lambda: browser.run(f"document.dispatchEvent(new Event('changed')); {polls}")[-1:] == [304],
        "nothing is sent while nothing changes",
    )

    browser.press("[data-action=stop]")
    browser.press("#question [data-yes]")
    browser.wait(lambda: badge(browser) == "Stopped", "it stopped")
    browser.wait(lambda: browser.find("[data-action=start]").is_enabled(), "it may be started")
    browser.press("[data-action=start]")
    browser.wait(lambda: badge(browser) == "Running", "it runs again")
    assert browser.run("return window.untouched")

    address = browser.driver.current_url
    browser.driver.get(f"{address}/console")
    browser.wait(lambda: "boot complete" in browser.text("#console"), "the guest speaks")
    browser.driver.get(f"{address}/history")
    assert len(browser.all(".timeline-head")) == 3

    browser.press("[data-action=delete]")
    browser.wait(browser.find("#question").is_displayed, "it asks first")
    browser.press("#question [value=no]")
    browser.wait(lambda: not browser.find("#question").is_displayed(), "it was not meant")
    browser.press("[data-action=delete]")
    browser.press("#question [data-yes]")
    browser.wait(lambda: browser.driver.current_url.endswith("/servers"), "the list again")
    browser.wait(lambda: "browser-1" not in browser.text("#rows"), "the server is gone")
    assert browser.complaints() == []


def test_the_list_acts_and_follows_without_a_reload(browser: Browser) -> None:
    """Found while one types, done by a row's menu, done to all that are chosen."""
    browser.log_in()
    for name in ("list-one", "list-two"):
        launch(browser, name)
        browser.wait(lambda: badge(browser) == "Running", "the server runs")
    browser.open("/servers?sort=display_name")
    browser.run("window.untouched = true")
    browser.fill("[name=q]", "list-o")
    browser.wait(lambda: len(browser.all("#rows tbody tr")) == 1, "the other is left out")
    address = "return location.pathname + location.search"
    browser.wait(
        lambda: browser.run(address) == "/servers?q=list-o&sort=display_name", "the address follows"
    )
    browser.press("#rows tbody .col-menu button")
    browser.press("#rows tbody [value^='stop ']")
    browser.press("#question [data-yes]")
    browser.wait(lambda: "Stopped" in browser.text("#rows tbody"), "it stopped")

    browser.fill("[name=q]", "list-")
    browser.wait(lambda: len(browser.all("#rows tbody tr")) == 2, "both are there again")
    assert not browser.find(".bulk").is_displayed()
    browser.press("[data-choose-all]")
    browser.wait(lambda: "2 servers chosen" in browser.text(".bulk"), "they are counted")
    browser.run("document.dispatchEvent(new Event('changed'))")
    browser.press(".bulk [value=stop]")
    assert "Stop 2 servers?" in browser.text("#question")
    browser.press("#question [data-yes]")
    browser.wait(lambda: "list-two is shutting down" in browser.text("#toasts"), "one is stopped")
    assert "list-one: Not possible while the server is stopped." in browser.text("#toasts")
    browser.wait(lambda: browser.text("#rows tbody").count("Stopped") == 2, "both stopped")
    browser.press("[data-choose-all]")
    browser.press(".bulk [value=delete]")
    browser.press("#question [data-yes]")
    browser.wait(lambda: "No server is like that" in browser.text("#rows"), "they are gone")
    assert browser.run("return window.untouched")
    # a refusal answers 409, which the console writes down
    assert all("409" in one for one in browser.complaints())


def test_an_upload_shows_its_progress_and_ends_on_the_image(
    browser: Browser, tmp_path: Path
) -> None:
    disk = tmp_path / "tiny.img"
    disk.write_bytes(b"\x01" * 3_000_000)
    browser.log_in()
    browser.open("/images/new")
    browser.find("[name=file]").send_keys(str(disk))
    browser.wait(lambda: "tiny.img, 2.9 MiB" in browser.text("[data-chosen]"), "it is named")
    assert browser.find("[name=name]").get_property("value") == "tiny"
    browser.wait(
        lambda: browser.find("[name=disk_format]").get_property("value") == "raw", "told by content"
    )
    browser.press("[data-submit]")
    browser.wait(lambda: browser.text(".status") == "Ready", "the image is ready")
    assert browser.text("h1") == "tiny"
    assert browser.complaints() == []


def test_an_upload_that_is_refused_leaves_nothing(browser: Browser, tmp_path: Path) -> None:
    disk = tmp_path / "broken.img"
    disk.write_bytes(b"\x01" * 100_000)
    browser.log_in()
    browser.open("/images/new")
    browser.find("[name=file]").send_keys(str(disk))
    browser.wait(
        lambda: browser.find("[name=disk_format]").get_property("value") == "raw", "told by content"
    )
    browser.run("document.querySelector('[name=disk_format]').value = 'qcow2'")
    browser.press("[data-submit]")
    browser.wait(lambda: "choose raw" in browser.text("[data-error=file]"), "it says why")
    browser.wait(
        lambda: "broken" not in browser.run(
            "const r = new XMLHttpRequest(); r.open('GET', '/images', false); r.send();"
            "return r.responseText"
        ),
        "the record is gone",
    )  # fmt: skip


def test_a_key_made_on_the_way_is_chosen(browser: Browser) -> None:
    browser.log_in()
    browser.open("/servers/launch")
    browser.fill("[name=new-name]", "on-the-way")
    browser.press("#key-parts button[hx-post]")
    browser.wait(lambda: "PRIVATE KEY" in browser.text("#private-key"), "the key is shown")
    assert browser.find("#id_key").get_property("value") == "on-the-way"
    assert browser.complaints() == []


def test_a_phone_scrolls_one_way_only(browser: Browser) -> None:
    browser.log_in()
    launch(browser, "a-rather-long-name-for-a-server-on-a-phone-which-is-light-or-dark")
    browser.wait(lambda: badge(browser) == "Running", "the server runs")
    here = browser.driver.current_url.removeprefix(browser.cloud.url)
    browser.size(390, 844)
    paths = (*PAGES, here, f"{here}/console", f"{here}/history", "/nothing")
    for path, theme in itertools.product(paths, ("light", "dark")):
        browser.complaints()
        browser.run("localStorage.setItem('theme', arguments[0])", theme)
        browser.open(path)
        browser.find("main")
        wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], path
        assert browser.run("return document.documentElement.dataset.bsTheme") == theme
        assert path == "/nothing" or browser.complaints() == [], path
    browser.open(here)  # as it is where the server could have a floating IP, too
    browser.find("[data-chooses]")
    browser.run(
        "const one = document.querySelector('[data-chooses]'); one.after(one.cloneNode(true))"
    )
    wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    browser.open("/")
    menu = browser.find(".side-nav a[href='/servers']")
    assert not menu.is_displayed()
    browser.press(".side-toggle")
    browser.wait(menu.is_displayed, "the menu opens")


def test_colours_are_remembered_and_shared_with_the_operators(browser: Browser) -> None:
    browser.log_in("admin", "cloudweb-admin")
    browser.press("[data-theme-choice=dark]")
    browser.open("/servers")
    assert browser.run("return document.documentElement.dataset.bsTheme") == "dark"
    browser.open("/admin/")
    assert browser.run("return document.documentElement.dataset.theme") == "dark"
    assert browser.find(".first strong").text == "Hosts"
    for path in ("/admin/compute/host/", "/admin/operations/operation/", "/api/schema/"):
        browser.open(path)
        browser.find("#content, .swagger-ui .info")
    assert browser.complaints() == []


def test_the_api_in_a_browser_stays_inside_the_policy(browser: Browser) -> None:
    """Swagger's page unfolds an operation, the browsable API shows a list and an error."""
    browser.log_in()
    browser.open("/api/schema/")
    browser.press(".opblock-tag[data-tag=image]")
    browser.press(".opblock-summary-control")
    browser.find(".opblock-body .responses-inner")
    for path in ("/compute/v2.1/flavors", "/identity/v3/auth/projects", "/image/v2/images"):
        browser.open(path)
        assert browser.find(".response-info")
    assert browser.complaints() == []
    for path in ("/compute/v2.1/servers/no-such", "/network/v2.0/nothing"):
        browser.open(path)
        complaints = browser.complaints()
        assert complaints
        assert all("404" in complaint for complaint in complaints), complaints
    browser.open("/login?" + "&".join(["x=1"] * 1001))
    assert "Content Security Policy" not in " ".join(browser.complaints())
