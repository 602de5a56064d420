"""Images in a real browser: shared with another project and accepted there, imported from a URL."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Browser

pytestmark = pytest.mark.timeout(400)


def import_from(browser: Browser, url: str, *, name: str) -> str:
    """Fill in the form of an import; return the path of the image's page, where it ends."""
    browser.open("/images/import")
    browser.fill("[name=uri]", url)
    browser.fill(".upload [name=name]", name)
    browser.press(".upload button[type=submit]")
    browser.find("#image-live")
    return browser.driver.current_url.removeprefix(browser.cloud.url)


def test_an_import_that_is_refused_says_why_on_its_page(browser: Browser) -> None:
    browser.log_in()
    import_from(browser, "http://169.254.169.254/latest", name="inside")
    browser.run("window.untouched = true")
    browser.wait(lambda: "does not download from" in browser.text("#image-live"), "it says why")
    browser.wait(lambda: browser.text(".title-line .status") == "Waiting for data", "it has none")
    assert "import it again" in browser.text("#image-live")
    assert browser.run("return window.untouched")
    assert browser.complaints() == []
    browser.press("form[action$='/delete'] button")
    browser.press("#question [data-yes]")
    browser.wait(lambda: "inside was deleted" in browser.text("#toasts"), "the record is gone")


def test_an_image_is_shared_accepted_and_withdrawn(browser: Browser) -> None:
    """By the forms alone, on both sides, on a desk and on a phone."""
    browser.log_in("admin", "cloudweb-admin")
    browser.open("/account/api")
    friend = browser.find("[aria-label='Copy the project id']").get_attribute("data-copy")
    assert friend
    browser.driver.delete_all_cookies()

    browser.log_in()
    page = import_from(browser, "http://127.0.0.1/x", name="for-friends")
    browser.fill("#image-sharing [name=project]", friend)
    browser.press("#image-sharing form[action$='/members'] button")
    browser.wait(lambda: friend in browser.text("#image-sharing .table"), "it is shared")
    assert "none yet" in browser.text("#image-sharing .table")
    browser.driver.delete_all_cookies()

    browser.log_in("admin", "cloudweb-admin")
    browser.size(390, 844)
    browser.open(page)
    assert "shares this image with yours" in browser.text(".note")
    browser.press(".note form[action$='/accepted'] button")
    browser.wait(lambda: "your lists show it" in browser.text(".note"), "it was accepted")
    wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    browser.driver.delete_all_cookies()

    browser.log_in()
    browser.open(page)
    assert "accepted" in browser.text("#image-sharing .table")
    browser.press("#image-sharing form[action$='/remove'] button")
    browser.press("#question [data-yes]")
    browser.wait(lambda: "No other project yet" in browser.text("#image-sharing"), "it is not")
    assert browser.complaints() == []
