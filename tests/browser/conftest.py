"""Chromium without a screen, logged in to the suite's cloud on fake drivers."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.infrastructure import PATIENCE, Cloud

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--window-size=1440,1000",
)  # fmt: skip


class Browser:
    """A browser on one cloud's dashboard: find, press, wait; never sleep."""

    def __init__(self, driver: webdriver.Chrome, cloud: Cloud) -> None:
        self.driver, self.cloud = driver, cloud

    def open(self, path: str) -> None:
        """Go to a page."""
        self.driver.get(self.cloud.url + path)

    def find(self, css: str) -> WebElement:
        """Return the first element, as soon as there is one."""
        return self.wait(lambda: self.all(css), f"{css} is on the page")[0]

    def all(self, css: str) -> list[WebElement]:
        """Return what is there now."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        """Return an element's words now; "" while there is none."""
        found = self.run("return document.querySelector(arguments[0])?.textContent || ''", css)
        return " ".join(str(found).split())

    def fill(self, css: str, value: str) -> None:
        """Type into a field."""
        field = self.find(css)
        field.clear()
        field.send_keys(value)

    def press(self, css: str) -> None:
        """Scroll to a button and press it."""
        button = self.find(css)
        self.run("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def send(self, css: str) -> None:
        """Press a button that leads to another page; return when that is there."""
        self.run("window.before = true")
        self.press(css)
        self.wait(lambda: self.run("return !window.before"), "the next page is there")

    def wait(self, ready: Callable[[], Any], what: str) -> Any:
        """Return what ``ready`` gives once it is true."""
        return WebDriverWait(self.driver, PATIENCE, poll_frequency=0.1).until(
            lambda _: ready(), what
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def size(self, width: int, height: int) -> None:
        """Take the size of another screen; a narrow one is a phone's."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def log_in(self, name: str = "demo", cloud: str = "cloudweb") -> None:
        """Log in by the form."""
        self.give(name, cloud)
        self.find(".side")

    def give(self, name: str, cloud: str = "cloudweb") -> None:
        """Send name and password; what comes then is the caller's to see."""
        self.open("/login")
        self.fill("[name=username]", name)
        self.fill("[name=password]", self.cloud.password(cloud))
        self.press("button[type=submit]")

    def forget(self) -> None:
        """Be as if just opened: a desk's screen, nothing kept, nobody logged in, no complaint."""
        self.driver.get("about:blank")
        fresh: dict[str, dict[str, Any]] = {
            "Emulation.clearDeviceMetricsOverride": {},
            "Emulation.setEmulatedMedia": {"features": []},
            "Network.clearBrowserCookies": {},
            "Storage.clearDataForOrigin": {"origin": self.cloud.url, "storageTypes": "all"},
        }
        for command, arguments in fresh.items():
            self.driver.execute_cdp_cmd(command, arguments)
        self.driver.set_script_timeout(30)
        self.complaints()

    def complaints(self) -> list[str]:
        """Return the errors of the console since the last look: scripts, policy, missing files."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
        ]


@contextlib.contextmanager
def browsing(cloud: Cloud) -> Iterator[Browser]:
    """Run a fresh browser, not logged in."""
    with tempfile.TemporaryDirectory(prefix="cw-chrome-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.unhandled_prompt_behavior = "accept"  # a page that a test left must not stay
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            yield Browser(driver, cloud)
        finally:
            driver.quit()


@pytest.fixture(scope="session")
def chromium(cloud: Cloud) -> Iterator[Browser]:
    """A browser on the suite's cloud: starting one takes two seconds of the processor."""
    with browsing(cloud) as opened:
        yield opened


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """The same, as if it were fresh."""
    chromium.forget()
    return chromium
