"""A server's console in a real browser: typed into, looked at, and back by itself when the line breaks."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Browser
from tests.browser.test_dashboard import badge, launch

pytestmark = pytest.mark.timeout(400)
#: Lets the test get at the WebSocket that the page opens.
WATCHED = """
window.WebSocket = class extends WebSocket {
  constructor(...words) { super(...words); window.lastSocket = this; window.opened = (window.opened || 0) + 1; }
};
"""
#: The colour in the middle of the screen.
PIXEL = """
const canvas = document.querySelector("#guest-console canvas");
const found = canvas?.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
return found ? [...found].slice(0, 3) : null;
"""


def kept(browser: Browser) -> str:
    """Return the cast of the recording that is shown."""
    script = """
    const cast = document.getElementById("guest-console").dataset.cast;
    fetch(cast).then((answer) => answer.text()).then(arguments[0]);
    """
    return str(browser.driver.execute_async_script(script))


def test_a_console_is_used(browser: Browser) -> None:
    browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCHED})
    browser.log_in("admin", "cloudweb-admin")
    launch(browser, "console-1")
    browser.wait(lambda: badge(browser) == "Running", "the server runs")
    server = browser.driver.current_url
    browser.driver.get(f"{server}/terminal")
    browser.wait(lambda: browser.text("#guest-console-state") == "Connected", "the line stands")
    browser.find("#guest-console textarea").send_keys("hello" + Keys.ENTER)
    browser.wait(lambda: "you said: hello" in browser.text("#guest-console"), "the guest answers")

    browser.run("window.lastSocket.close()")
    browser.wait(lambda: browser.run("return window.opened") == 2, "the page comes back by itself")
    browser.wait(lambda: browser.text("#guest-console-state") == "Connected", "the line is back")
    browser.wait(lambda: "Simulated guest" in browser.text("#guest-console"), "with what was said")

    browser.driver.get(browser.cloud.url + "/console-recordings")
    browser.press("form[action$='recordings/on'] button")
    browser.wait(lambda: browser.find("form[action$='recordings/off']"), "it is recorded")
    browser.driver.get(f"{server}/terminal")
    browser.wait(lambda: "recorded" in browser.text("#guest-console-kept"), "the viewer is told")
    browser.wait(lambda: "Simulated guest" in browser.text("#guest-console"), "with what was said")
    browser.driver.get(browser.cloud.url + "/console-recordings")
    browser.press("tbody a.name")
    browser.wait(lambda: "Simulated guest" in kept(browser), "the end of the line is kept, too")
    browser.driver.refresh()
    browser.wait(lambda: browser.find("#replay-play").is_enabled(), "the recording is read")
    browser.run(
        "const at = document.getElementById('replay-at'); at.value = at.max;"
        " at.dispatchEvent(new Event('input'))"
    )
    browser.wait(lambda: "Simulated guest" in browser.text("#guest-console"), "it is shown again")

    browser.driver.get(f"{server}/terminal?kind=novnc")
    browser.wait(lambda: browser.run(PIXEL) == [140, 87, 46], "the screen is drawn")
    browser.press("form[action$='terminal/open'] button")
    browser.wait(lambda: len(browser.driver.window_handles) == 2, "a window of its own")
    first, own = browser.driver.window_handles
    browser.driver.switch_to.window(own)
    browser.wait(lambda: browser.run(PIXEL) == [140, 87, 46], "the screen is drawn there, too")
    browser.driver.refresh()
    browser.wait(
        lambda: "used already" in browser.text("#guest-console-state"), "the address counts once"
    )
    # noVNC writes down that it was refused
    assert all("4403" in one for one in browser.complaints())
    browser.driver.close()
    browser.driver.switch_to.window(first)
    browser.driver.get(server)
    browser.press("[data-action=delete]")
    browser.press("#question [data-yes]")
    browser.wait(lambda: browser.driver.current_url.endswith("/servers"), "the list again")
