"""What people press on the way to a server that is reached from outside."""

from __future__ import annotations

from functools import partial

from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Browser

#: The words of the button that detaches a floating IP; a card has one, too.
DETACHES = """
return document.querySelector("[aria-label^='Detach '][title='Detach']")?.getAttribute("aria-label");
"""
#: How many colours a screen shows.
COLOURS = """
const canvas = document.querySelector("#guest-console canvas");
if (!canvas?.width) return 0;
const seen = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
return new Set(seen).size;
"""


def make_private_network(browser: Browser) -> str:
    """One click: a network, its subnet, and a router that leads outside; return its name."""
    browser.press("a[href='/networks']")
    browser.press("form[action='/networks/private'] button")
    said = "was created, and a router that leads outside."
    told = browser.wait(lambda: said in browser.text("#toasts") and browser.text("#toasts"), "said")
    return str(told).partition(said)[0].split()[-1]


def choose_network(browser: Browser, name: str) -> None:
    """On the launch page: this network and no other."""
    browser.find("[name=networks]")
    for box in browser.all("[name=networks]"):
        if box.is_selected() != (box.get_dom_attribute("data-name") == name):
            browser.run("arguments[0].scrollIntoView({block: 'center'})", box)
            box.click()


def attach_floating_ip(browser: Browser) -> str:
    """On a server's page: one click; return the address that the Connect card shows then."""
    browser.press("[data-floating]")
    label = browser.wait(lambda: browser.run(DETACHES), "it has one")
    address = str(label).removeprefix("Detach ")
    browser.wait(lambda: browser.text("#ssh-line").endswith(f"@{address}"), "how to log in is said")
    return address


def add_rule(browser: Browser, group: str, *, what: str, whom: str) -> None:
    """By the group's own page: a preset, and whom."""
    browser.press("a[href='/security-groups']")
    rows = browser.wait(
        lambda: [one for one in browser.all("#rows th a") if one.text == group], "the group"
    )
    rows[0].click()
    browser.press("[data-opens=rule-box]")
    browser.run("document.querySelector('#rule-box [name=what]').value = arguments[0]", what)
    browser.press(f"#rule-box [name=whom][value={whom}]")
    browser.press("#rule-box [type=submit]")
    browser.wait(lambda: "let pass from now on" in browser.text("#toasts"), "it is said")


def take_rule_away(browser: Browser, group: str, rule: str) -> None:
    """By the group's own page: the rule whose name begins so."""
    browser.press("a[href='/security-groups']")
    rows = browser.wait(
        lambda: [one for one in browser.all("#rows th a") if one.text == group], "the group"
    )
    rows[0].click()
    _delete(browser, f"#rows [aria-label^='Delete {rule}']")


def delete_server(browser: Browser, name: str) -> None:
    """By its own page, which the list of servers follows; return once that no longer has it."""
    browser.press("[data-action=delete]")
    browser.press("#question [data-yes]")
    browser.wait(
        lambda: browser.all("#rows") and name not in browser.text("#rows"), "the server is gone"
    )


def clear_away(browser: Browser, *, network: str, address: str) -> None:
    """Give the floating IP back, and delete the router and the network, both of one name."""
    browser.press("a[href='/floating-ips']")
    browser.press(f"[aria-label='Actions of {address}']")
    _delete(browser, f"[aria-label='Actions of {address}'] + .dropdown-menu [value^='delete ']")
    for page in ("routers", "networks"):
        browser.press(f"a[href='/{page}']")
        _delete(browser, f"#rows [aria-label='Delete {network}']")


def _delete(browser: Browser, button: str) -> None:
    browser.press(button)
    browser.press("#question [data-yes]")
    try:
        browser.wait(lambda: not browser.all(button), "it is gone")
    except TimeoutException as error:
        url, said = browser.driver.current_url, browser.text("#toasts")
        raise AssertionError(f"{button} is still on {url}, where is said: {said!r}") from error


def log_in_at_console(browser: Browser, page: str) -> None:
    """Log in as root at a server's serial line and run a command; then see something on its screen."""
    browser.driver.get(f"{page}/terminal")
    browser.wait(lambda: browser.text("#guest-console-state") == "Connected", "the line stands")
    line = browser.find("#guest-console textarea")
    for typed, answer in (
        ("", "login:"), ("root", "assword:"), ("cloudweb", "~ #"), ("echo it-is-$((40+2))", "it-is-42"),
    ):  # fmt: skip
        line.send_keys(typed + Keys.ENTER)
        browser.wait(partial(_says, browser, answer), f"the guest says {answer}")
    browser.driver.get(f"{page}/terminal?kind=novnc")
    browser.wait(lambda: browser.run(COLOURS) > 1, "the screen shows something")


def _says(browser: Browser, words: str) -> bool:
    return words in browser.text("#guest-console")
