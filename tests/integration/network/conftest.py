"""A project with a member, for tests of the network API."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.models import Network, Subnet
from tests.builders.identity import ApiClient, client_with, make_project
from tests.builders.networks import make_network, make_subnet
from tests.builders.routers import make_external


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The hosts of each piece of news, in order."""
    news: list[set[str]] = []
    for room in ("news", "plugging"):
        monkeypatch.setattr(f"network.{room}.start_refresh", lambda hosts: news.append(set(hosts)))
    return news


@pytest.fixture
def project() -> Any:
    return make_project()


@pytest.fixture
def context(project: Any) -> RequestContext:
    return RequestContext.system(project_id=project.pk)


@pytest.fixture
def member(project: Any) -> ApiClient:
    return client_with("member", project=project)


@pytest.fixture
def admin(project: Any) -> ApiClient:
    return client_with("admin", project=project)


@pytest.fixture
def external() -> Network:
    return make_external()


@pytest.fixture
def subnet(context: RequestContext) -> Subnet:
    return make_subnet(make_network(context), context)
