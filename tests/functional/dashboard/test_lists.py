"""What every list does: search, choices, order, pages by key, actions on one row or many."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.views.key_pairs import KeyPairs
from dashboard.views.members import Members
from dashboard.views.servers import Servers
from identity.models import User
from instances.models import ConsoleRecording, Instance, KeyPair
from instances.states import VmState
from tests.builders.backups import make_backup
from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.databases import make_configuration, make_database_backup, make_instance
from tests.builders.identity import make_context, make_group, make_member, make_user
from tests.builders.images import make_image
from tests.builders.networks import make_network, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.builders.servers import make_server
from tests.builders.volumes import make_volume, make_volume_group

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}
LISTS = (
    "/servers", "/images", "/networks", "/routers", "/floating-ips", "/volumes", "/volume-groups", "/backups",
    "/security-groups", "/key-pairs", "/members", "/databases", "/databases/backups", "/databases/settings",
    "/activity", "/usage", "/console-recordings", "/account/application-credentials",
)  # fmt: skip


@pytest.fixture
def user() -> User:
    return make_member("manager", password=PASSWORD)


@pytest.fixture
def browser(user: User) -> Client:
    return browser_of(user)


def names(answer: Any) -> list[str]:
    """Return what the rows are called, from the top."""
    page = answer.content.decode()
    found = re.findall(r'<th scope="row".*?</th>', page, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def link(answer: Any, mark: str) -> str | None:
    """Return where the link with this mark leads."""
    found = re.search(rf'href="([^"]*)"[^>]*{mark}', answer.content.decode())
    return html.unescape(found[1]) if found else None


def walk(browser: Client, url: str | None, mark: str) -> Iterator[list[str]]:
    while url:
        answer = browser.get(url)
        assert answer.status_code == 200
        yield names(answer)
        url = link(answer, f'rel="{mark}"')


def toasts(answer: Any) -> list[tuple[str, str]]:
    told = json.loads(answer.headers["HX-Trigger"])["toasts"]["all"]
    return [(one["tone"], one["text"]) for one in told]


def test_pages_go_on_and_back_by_key_and_cost_the_same(
    browser: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Servers, "limit", 5)
    for number in range(12):
        make_server(user, name=f"s{number % 4:02}")
    costs = set()
    for sort in ("", "display_name", "-display_name", "created_at", "vm_state"):
        with CaptureQueriesContext(connection) as seen:
            pages = [*walk(browser, f"/servers?sort={sort}&q=s", "next")]
        assert [len(page) for page in pages] == [5, 5, 2], sort
        assert not [one for one in seen.captured_queries if "OFFSET" in one["sql"]]
        last = browser.get(f"/servers?sort={sort}&q=s")
        for _ in range(2):
            last = browser.get(link(last, 'rel="next"') or "")
        with CaptureQueriesContext(connection) as more:
            back = browser.get(link(last, 'rel="prev"') or "")
        assert names(back) == pages[1], sort
        costs.add(len(more))
        assert names(browser.get(link(back, 'rel="prev"') or "")) == pages[0], sort
        assert link(back, 'rel="next"')
    assert costs == {11}  # a first page without addresses, and the marker
    whole = [name for page in pages for name in page]
    assert sorted(whole) == sorted(f"s{number % 4:02}" for number in range(12))


def test_lists_that_are_put_together_page_alike(
    browser: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert user.default_project
    for view in (Members, KeyPairs):
        monkeypatch.setattr(view, "limit", 5)
    for number in range(7):
        make_member("reader", name=f"m{number:02}", project=user.default_project)
    pages = [*walk(browser, "/members?q=M&kind=user", "next")]
    assert [len(page) for page in pages] == [5, 2]
    last = browser.get(link(browser.get("/members?q=M&kind=user"), 'rel="next"') or "")
    assert names(browser.get(link(last, 'rel="prev"') or "")) == pages[0]
    for number in range(7):
        KeyPair.objects.create(
            user_id=user.pk, name=f"k {number:02}", public_key="x", fingerprint="y"
        )
    pages = [*walk(browser, "/key-pairs?sort=-created_at", "next")]
    assert [page[0] for page in pages] == ["k 06", "k 01"]


def test_the_address_holds_search_choice_and_order(browser: Client, user: User) -> None:
    for name, state in (
        ("Web-1", "stopped"),
        ("web-2", "stopped"),
        ("web-3", "active"),
        ("db", "stopped"),
    ):
        make_server(user, name=name, vm_state=VmState(state))
    url = "/servers?" + urlencode({"q": "WEB", "status": "stopped", "sort": "-display_name"})
    answer = browser.get(url)
    assert names(answer) in (["web-2", "Web-1"], ["Web-1", "web-2"])  # capitals are the database's
    page = answer.content.decode()
    assert 'aria-sort="descending"' in page
    assert 'value="WEB"' in page
    assert re.search(r'href="/servers\?q=WEB&amp;status=stopped&amp;sort=display_name"', page)
    assert re.search(r'href="/servers\?q=WEB&amp;sort=-display_name">All<', page)
    assert re.search(r'<input type="hidden" name="status" value="stopped">', page)
    assert re.search(r'<option value="-display_name" selected>Name, Z to A<', page)
    part = browser.get(url, headers=HTMX)
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part.headers["Vary"]
    assert "HX-Request" in answer.headers["Vary"]
    assert names(part) == names(answer)
    server = make_server(user, name="by-id")
    assert names(browser.get(f"/servers?q={server.id}")) == ["by-id"]


def test_images_are_found_by_name_or_id(browser: Client, user: User) -> None:
    context = make_context(user)
    made = [make_image(context=context, name=name) for name in ("Debian 12", "debian 13", "alpine")]
    assert sorted(names(browser.get("/images?q=DEBIAN"))) == ["Debian 12", "debian 13"]
    assert names(browser.get(f"/images?q={made[2].id}&visibility=own")) == ["alpine"]
    assert "No image is like that" in text_of(browser.get("/images?q=nonsense"))


def test_one_refusal_does_not_stop_the_rest(browser: Client, user: User) -> None:
    one, two, three = (make_server(user, name=f"web-{number}") for number in (1, 2, 3))
    Instance.objects.filter(id=two.id).update(vm_state=VmState.STOPPED)
    ids = [str(server.id) for server in (one, two, three)]
    stop = {"action": "stop", "chosen": ids, "agreed": "yes"}
    answer = browser.post("/servers?status=running&q=web", stop)
    assert answer.url == "/servers?q=web&status=running"
    assert said(answer) == [
        "2 servers are shutting down.",
        "web-2: Not possible while the server is stopped.",
    ]
    assert Instance.objects.get(id=three.id).task_state
    again = browser.post("/servers", {**stop, "agreed": ""}, headers=HTMX)
    assert again.status_code == 409
    assert {tone for tone, _ in toasts(again)} == {"danger"}
    assert ("danger", "web-2: Not possible while the server is stopped.") in toasts(again)


def test_names_that_are_gone_or_of_others_are_told_by_what_was_sent(browser: Client) -> None:
    stranger = make_server(make_member("member"), name="secret")
    answer = browser.post(
        "/servers",
        {"action": "delete", "chosen": [str(stranger.id), "nonsense"]},
        headers=HTMX,
    )
    assert answer.status_code == 404
    assert "secret" not in answer.headers["HX-Trigger"]
    assert str(stranger.id) in answer.headers["HX-Trigger"]
    assert Instance.objects.get(id=stranger.id).task_state is None


def test_without_a_script_it_is_asked_first(browser: Client, user: User) -> None:
    for name in ("one", "<b>two"):
        KeyPair.objects.create(user_id=user.pk, name=name, public_key="x", fingerprint="y")
    asked = browser.post("/key-pairs?q=o", {"action": "delete", "chosen": ["one", "<b>two"]})
    page = asked.content.decode()
    assert "Delete 2 key pairs?" in text_of(asked)
    assert "Servers that have them" in page
    assert "&lt;b&gt;two" in page
    assert KeyPair.objects.count() == 2
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert sent["action"] == "delete"
    there = re.search(r'<form class="card narrow" method="post" action="([^"]*)"', page)
    assert there
    assert there[1] == "/key-pairs?q=o"
    answer = browser.post(
        there[1], {"action": "delete", "chosen": ["one", "<b>two"], "agreed": "yes"}
    )
    assert (answer.url, said(answer)) == ("/key-pairs?q=o", ["2 key pairs were deleted."])
    assert not KeyPair.objects.exists()


def test_what_cannot_be_understood(browser: Client, user: User) -> None:
    make_server(user)
    found = {path: browser.get(path).status_code for path in (
        "/servers?sort=secret", "/servers?status=odd", "/servers?after=nonsense", "/images?after=nonsense",
        "/servers?before=nonsense", "/activity?after=nonsense", "/key-pairs?after=gone",
        "/activity?since=soon", "/members?after=gone", "/servers?q=%00", "/servers?after=%00",
        "/servers?q=::", "/servers?q=%25_", "/members?kind=odd", f"/servers?q={'x' * 3000}",
    )}  # fmt: skip
    assert found == {
        "/servers?sort=secret": 400, "/servers?status=odd": 400, "/servers?after=nonsense": 400,
        "/images?after=nonsense": 400, "/servers?before=nonsense": 400, "/activity?after=nonsense": 400,
        "/key-pairs?after=gone": 400, "/activity?since=soon": 422, "/members?after=gone": 400,
        "/servers?q=%00": 200, "/servers?after=%00": 200, "/servers?q=::": 200, "/servers?q=%25_": 200,
        "/members?kind=odd": 400, f"/servers?q={'x' * 3000}": 200,
    }  # fmt: skip
    assert names(browser.get("/servers?q=%25_")) == []
    posts = {
        "an action that there is not": ({"action": "explode", "chosen": ["x"]}, 404),
        "nothing": ({}, 404),
        "nothing chosen": ({"action": "stop"}, 400),
        "a NUL": ({"action": "stop", "chosen": ["a\x00b"], "agreed": "yes"}, 404),
        "too many": ({"action": "stop", "chosen": [str(n) for n in range(101)]}, 400),
    }
    assert {
        name: browser.post("/servers", body).status_code for name, (body, _) in posts.items()
    } == {name: status for name, (_, status) in posts.items()}


def test_who_may_do_nothing_is_offered_nothing(user: User) -> None:
    reader = browser_of(make_member("reader", project=user.default_project, password=PASSWORD))
    server = make_server(user, name="web")
    make_image(context=make_context(user), name="disk")
    for path in ("/servers", "/images", "/members", "/activity"):
        page = reader.get(path).content.decode()
        assert 'name="chosen"' not in page, path
        assert 'class="bulk"' not in page, path
        assert not re.search(r'<button[^>]*form="act"', page), path
    answer = reader.post(
        "/servers", {"action": "delete", "chosen": [str(server.id), "x"]}, headers=HTMX
    )
    assert answer.status_code == 403
    assert toasts(answer)[0][1].endswith("Your role does not allow this.")


def test_images_of_others_are_not_chosen(browser: Client, user: User) -> None:
    make_image(context=make_context(user), name="mine")
    admin = make_context(make_member("admin"))
    make_image(context=admin, name="everyones", visibility="public")
    page = browser.get("/images").content.decode()
    assert set(names(browser.get("/images"))) == {"mine", "everyones"}
    assert re.findall(r'name="chosen"[^>]*aria-label="Choose (\w+)"', page) == ["mine"]


def test_empty_lists_say_what_to_do(browser: Client, user: User) -> None:
    told = {path: text_of(browser.get(path)) for path in LISTS}
    assert "No servers yet" in told["/servers"]
    assert "Launch server" in told["/servers"]
    assert "No key pairs yet" in told["/key-pairs"]
    assert "No application credentials yet" in told["/account/application-credentials"]
    for path in ("/servers", "/key-pairs", "/account/application-credentials"):
        page = browser.get(path).content.decode()
        assert 'role="search"' not in page, path
        again = browser.get(f"{path}?q=x").content.decode()
        assert 'role="search"' in again, path
    assert "Nothing is like that" in text_of(browser.get("/key-pairs?q=x"))


def test_tables_are_read_aloud(browser: Client, user: User) -> None:
    """Each has a caption, heads that name columns, a name at every field and button."""
    server = make_server(user, name='a "name" <i>')
    ConsoleRecording.objects.create(project_id=server.project_id, instance_id=server.id)
    make_image(context=make_context(user), name="disk")
    KeyPair.objects.create(user_id=user.pk, name="laptop", public_key="x", fingerprint="y")
    make_group(make_user())
    context, outside = make_context(user), make_external()
    make_router(context, subnets=[make_subnet(make_network(context), context)], external=outside)
    make_floating_ip(context, outside)
    make_backup(make_volume(context))
    make_volume_group(context)
    browser.post("/account/application-credentials/new", {"name": "backup", "roles": ["reader"]})
    make_database_backup(make_instance(user))
    make_configuration(user)
    for path in LISTS:
        page = browser.get(path).content.decode()
        rows = re.search(r'<div id="rows".*(?=<div id="toasts")', page, re.S)
        assert rows, path
        assert re.search(r'<caption class="visually-hidden">[A-Z][\w ]+, sorted by', page), path
        assert page.count("aria-sort=") == 1, path
        assert re.search(r'<th scope="row"', page), path
        for field in re.findall(r"<(?:input|select)\b(?![^>]*hidden)[^>]*>", page):
            named = "aria-label=" in field or 'type="date"' in field or "id=" in field
            assert named or 'type="radio"' in field, (path, field)
        ids = re.findall(r'<(?:input|select|textarea)\b[^>]*\bid="([^"]+)"', page)
        assert len(ids) == len({*ids}), (path, "labels of several fields lead to one")
        for button in re.findall(r"<button\b.*?</button>", rows[0], re.S):
            words = re.sub(r"<[^>]+>", "", button).strip()
            assert words or "aria-label=" in button, (path, button)
    assert "a &quot;name&quot; &lt;i&gt;" in browser.get("/servers").content.decode()


def test_forms_of_boxes_have_a_page_of_their_own(browser: Client) -> None:
    """Without a script a button leads there; with one it opens the box."""
    for path, box in (
        ("/key-pairs/new", "new"),
        ("/key-pairs/import", "import"),
        ("/members/add", "add"),
    ):
        page = browser.get(path).content.decode()
        assert re.search(rf'<dialog[^>]*id="{box}-box"[^>]* open data-open', page), path
        whole = browser.get(path.rpartition("/")[0]).content.decode()
        assert re.search(rf'href="{path}" data-opens="{box}-box"', re.sub(r"\s+", " ", whole)), path
