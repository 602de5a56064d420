"""What a browser has to load: files under hashed names, compressed, once; pages compressed."""

from __future__ import annotations

import gzip
import re
from typing import Any

import httpx
import pytest
from django.test import Client

from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.identity import client_with, make_member
from tests.infrastructure import Cloud

pytestmark = pytest.mark.timeout(120)


def test_files_of_a_page_are_hashed_compressed_and_kept_for_good(cloud: Cloud) -> None:
    with httpx.Client(base_url=cloud.url) as browser:
        page = browser.get("/login")
        assert page.headers["Content-Encoding"] == "gzip"
        files = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page.text))
        assert len(files) > 3
        found = {}
        for path in files:
            answer = browser.get(path, headers={"Accept-Encoding": "gzip"})
            found[path] = (
                answer.status_code,
                answer.headers["Cache-Control"],
                bool(re.search(r"\.[0-9a-f]{12}\.", path)),
                "Content-Encoding" in answer.headers or len(answer.content) < 2000,
            )
        right = (200, "max-age=315360000, public, immutable", True, True)
        assert found == dict.fromkeys(files, right)
        plain = browser.get("/static/css/house.css", headers={"Accept-Encoding": "identity"})
        assert (plain.status_code, "immutable" in plain.headers["Cache-Control"]) == (200, False)
        assert browser.get("/static/../cloudweb/conf.py").status_code == 404


@pytest.mark.django_db
def test_pages_are_compressed_and_answers_of_services_are_not(settings: Any) -> None:
    takes = {"Accept-Encoding": "gzip"}
    browser: Client = browser_of(make_member("member", password=PASSWORD))
    page = browser.get("/", headers=takes)
    assert page.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in page.headers["Vary"]
    assert b"</html>" in gzip.decompress(page.content)
    assert len(page.content) < len(browser.get("/").content) / 2
    again = browser.get("/", headers=takes)
    assert len({len(one.content) for one in (page, again, browser.get("/", headers=takes))}) > 1
    answer = client_with("admin").get("/compute/v2.1/extensions", headers=takes)
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers
