"""Browsers: log-in by Django, and the project they work on."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user, login
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client, RequestFactory

from cloudweb.context import RequestContext
from cloudweb.exceptions import Unauthorized
from identity.exceptions import ProjectNotFound
from identity.manager import ProjectManager, UserManager
from identity.models import User
from identity.sessions import context_of, projects_of, switch_project
from tests.builders.identity import grant, make_domain, make_member, make_project, make_user

pytestmark = pytest.mark.django_db
SYSTEM = RequestContext.system()


def browser(user: User | None = None, session: SessionStore | None = None) -> HttpRequest:
    """Return a request of a browser, logged in as a user, with a session that may be carried on."""
    request = RequestFactory().get("/")
    request.session = session or SessionStore()
    request.user = get_user(request)
    if user is not None:
        login(request, user, backend="identity.backends.SqlBackend")
    return request


def test_log_in_by_name_and_password() -> None:
    """In the default domain unless another is named; not when disabled."""
    user = make_user(name="ann", password="right")
    there = make_user(name="ann", password="other", domain=make_domain(id="d", name="D"))
    assert authenticate(username="ann", password="right") == user
    assert authenticate(username="ann", password="other", domain="d") == there
    assert authenticate(username="ann", password="other") is None
    assert authenticate(username="nobody", password="right") is None
    UserManager(SYSTEM).update(user.pk, enabled=False)
    assert authenticate(username="ann", password="right") is None


def test_project_is_the_chosen_the_default_or_the_first() -> None:
    """In this order, and only one the user has a role on."""
    user = make_user()
    first, second, third = (make_project(name=name) for name in ("a", "b", "c"))
    assert context_of(browser(user)).project_id is None
    grant(user, second, "reader")
    grant(user, first, "member")
    assert context_of(browser(user)).project_id == first.pk
    user.default_project = second
    user.save()
    assert context_of(browser(user)).project_id == second.pk
    assert context_of(browser(user)).roles == {"reader"}
    request = browser(user)
    switch_project(request, first.pk)
    assert context_of(request).project_id == first.pk
    assert context_of(request).roles == {"member", "reader"}
    assert [(one.name, one.current) for one in projects_of(request)] == [("a", True), ("b", False)]
    with pytest.raises(ProjectNotFound):
        switch_project(request, third.pk)
    ProjectManager(SYSTEM).update(first.pk, enabled=False)
    assert context_of(browser(session=request.session)).project_id == second.pk


def test_anonymous_has_no_context() -> None:
    """A browser that did not log in is nobody."""
    with pytest.raises(Unauthorized):
        context_of(browser())


@pytest.mark.parametrize("change", [{"enabled": False}, {"password": "another"}])
def test_session_ends_with_its_user(change: dict[str, Any]) -> None:
    """Disabled, or with a new password, the next request of an old session is anonymous."""
    user = make_member(password="right")
    request = browser(user)
    UserManager(SYSTEM).update(user.pk, **change)
    with pytest.raises(Unauthorized):
        context_of(browser(session=request.session))


def test_browser_reads_the_api_with_its_session() -> None:
    """And writes with the CSRF token alone."""
    user = make_member("admin", password="right")
    client = Client(enforce_csrf_checks=True)
    assert client.login(username=user.name, password="right")
    assert client.get("/identity/v3/auth/projects").status_code == 200
    body = {"project": {"name": "forged"}}
    answer = client.post("/identity/v3/projects", body, content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["error"]["title"] == "Forbidden"
    client.get("/admin/password_change/")
    token = client.cookies["csrftoken"].value
    answer = client.post(
        "/identity/v3/projects",
        body,
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 201
