"""The first minute of a cloud."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from cloudweb.context import RequestContext
from identity.bootstrap import bootstrap
from identity.manager import UserManager
from identity.models import Assignment, Domain, Endpoint, Implication, Project, Role, User
from tests.builders.identity import make_token

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _own_var(settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path


def contents() -> dict[str, set[Any]]:
    """Return what bootstrap makes, comparable."""
    return {
        model.__name__: set(model.objects.values_list("pk", flat=True))
        for model in (Domain, Project, User, Role, Implication, Assignment, Endpoint)
    }


def test_what_there_is_afterwards() -> None:
    """Domain, immutable roles, two projects with their users, catalog."""
    done = bootstrap(admin_password="one", demo_password="two")
    assert Domain.objects.get().name == "Default"
    assert all(Role.objects.values_list("immutable", flat=True))
    admin, demo = User.objects.get(name="admin"), User.objects.get(name="demo")
    assert set(make_token(admin).roles) == {"admin", "manager", "member", "reader"}
    assert set(make_token(demo).roles) == {"member", "reader"}
    assert (admin.is_staff, demo.is_staff) == (True, False)
    assert Project.objects.get(name="demo").pk == done.demo.project_id == demo.default_project_id
    assert authenticate(username="admin", password="one") == admin
    assert authenticate(username="demo", password="two") == demo


def test_repeating_changes_nothing() -> None:
    """Nor does it take back what an operator changed."""
    first = bootstrap()
    before = contents()
    endpoint = Endpoint.objects.earliest("created_at")
    Endpoint.objects.filter(pk=endpoint.pk).update(url="https://elsewhere")
    UserManager(RequestContext.system()).update(User.objects.get(name="demo").pk, password="mine")
    assert bootstrap() == first
    assert contents() == before
    assert Endpoint.objects.get(pk=endpoint.pk).url == "https://elsewhere"
    assert authenticate(username="demo", password="mine")


def test_passwords_are_drawn_once_and_kept(settings: Any) -> None:
    """In files for their owner alone; a given one replaces what the user had."""
    done = bootstrap()
    for name, account in (("admin", done.admin), ("demo", done.demo)):
        path = settings.VAR / "secrets" / f"{name}_password"
        assert path.read_text().strip() == account.password
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert authenticate(username=name, password=account.password)
    bootstrap(admin_password="given")
    assert authenticate(username="admin", password="given")
    assert not authenticate(username="admin", password=done.admin.password)


def test_command_writes_clouds(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both clouds, for its owner alone, and no password on the terminal."""
    settings.PUBLIC_URL = "https://cloud.example"
    path = settings.VAR / "clouds.yaml"
    call_command(
        "bootstrap", clouds=path, admin_password='we"ird', demo_password="two", verbosity=0
    )
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert 'auth_url: "https://cloud.example/identity"' in text
    assert 'password: "we\\"ird"' in text
    assert text.index("cloudweb:") < text.index("cloudweb-admin:")
