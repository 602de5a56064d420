"""Networks by clicks alone: from nothing to a server with a floating IP, and the picture that follows."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.clicks import (
    add_rule,
    attach_floating_ip,
    choose_network,
    clear_away,
    delete_server,
    make_private_network,
    take_rule_away,
)
from tests.browser.conftest import Browser

pytestmark = pytest.mark.timeout(300)


def test_from_nothing_to_a_floating_ip_and_back(browser: Browser) -> None:
    browser.log_in()
    network = make_private_network(browser)
    browser.press("a[href='/networks/picture']")
    browser.wait(lambda: network in browser.text("#picture svg"), "it is in the picture")
    picture = browser.driver.current_window_handle
    browser.run("window.untouched = true")

    browser.driver.switch_to.new_window("tab")
    browser.open("/servers/launch")
    browser.fill("[name=name]", "reached")
    choose_network(browser, network)
    browser.press("[name=let_in][value=ssh]")  # it is chosen; a rule of one's own does it here
    browser.press("[data-launch]")
    browser.wait(lambda: browser.text("#server .title-line .status") == "Running", "it runs")
    assert "Not reachable from outside" in browser.text("#connect")
    server = browser.driver.current_url
    address = attach_floating_ip(browser)
    browser.wait(lambda: "Port 22 is shut" in browser.text("#connect"), "what is shut is said")
    add_rule(browser, "default", what="ssh", whom="world")
    browser.wait(
        lambda: "Anyone on the internet can reach SSH (port 22)." in browser.text("#rows"), "who"
    )
    browser.driver.get(server)
    assert "Anyone on the internet can reach SSH (port 22)" in browser.text("#reach")
    assert "Port 22 is shut" not in browser.text("#connect")

    browser.driver.switch_to.window(picture)
    browser.wait(lambda: address in browser.text("#picture svg"), "the picture follows")
    assert browser.run("return window.untouched")
    node = browser.find(f"#picture svg a[href='{server[len(browser.cloud.url) :]}']")
    browser.run("arguments[0].focus()", node)
    browser.run("document.dispatchEvent(new Event('changed'))")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait(lambda: browser.text("h1") == "reached", "a node leads to its page by keyboard")

    browser.press(f"[aria-label='Detach {address}']")
    browser.press("#question [data-yes]")
    browser.wait(lambda: "Not reachable from outside" in browser.text("#connect"), "it is detached")
    browser.press("a[href$='/floating-ip']")
    browser.wait(lambda: f"{address} (free)" in browser.text("#floating-box"), "it may be chosen")
    browser.press("#floating-box [data-closes]")
    delete_server(browser, "reached")
    take_rule_away(browser, "default", "SSH (port 22) for anyone")
    clear_away(browser, network=network, address=address)
    assert browser.complaints() == []
