"""What a cloud has from its first minute; safe to run again and by several at once."""

from __future__ import annotations

import contextlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from cloudweb.conf import listen_url
from cloudweb.context import RequestContext
from cloudweb.exceptions import Conflict
from cloudweb.keeping import kept_secret, replace_private
from identity.authentication import find_user, verify
from identity.manager import (
    AssignmentManager,
    CatalogServiceManager,
    DomainManager,
    EndpointManager,
    ImpliedRoleManager,
    ProjectManager,
    RegionManager,
    RoleManager,
    UserManager,
)
from identity.manager.assignments import GrantTarget
from identity.models import DEFAULT_DOMAIN_ID, Endpoint, Project, Role, Service

#: Each role contains the next one; ``service`` stands alone.
CHAIN = ("admin", "manager", "member", "reader")
ROLES = {
    "admin": "Operates the cloud.",
    "manager": "Manages a project's resources and moves its servers.",
    "member": "Creates and changes a project's resources.",
    "reader": "Sees a project's resources.",
    "service": "Lets one service act for another.",
}
#: Services that answer: type -> name, URL as every client accepts it (contract 1.3).
CATALOG = {
    "identity": ("keystone", "{base}/identity"),
    "compute": ("nova", "{base}/compute/v2.1"),
    "network": ("neutron", "{base}/network"),
    "image": ("glance", "{base}/image"),
    "block-storage": ("cinder", "{base}/volume/v3"),
    "volumev3": ("cinderv3", "{base}/volume/v3"),
    "database": ("trove", "{base}/database/v1.0/%(project_id)s"),
}
ADMIN = "admin"
DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Account:
    """A log-in that bootstrap made or found."""

    user_name: str
    password: str
    project_id: str
    project_name: str


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """The operator's and the demo user's log-in."""

    admin: Account
    demo: Account


def bootstrap(
    *,
    admin_password: str | None = None,
    demo_password: str | None = None,
    clouds_file: Path | None = None,
) -> Bootstrapped:
    """Make domain, roles, projects, users, region and catalog where they are missing.

    A password that is given replaces the user's; one that is not is drawn once and kept in
    ``var/secrets``. Writes ``clouds_file`` (mode 600) if one is named.
    """
    context = RequestContext.system()
    with contextlib.suppress(Conflict):
        DomainManager(context).create(name="Default", domain_id=DEFAULT_DOMAIN_ID)
    roles = _roles(context)
    done = Bootstrapped(
        admin=_account(context, ADMIN, admin_password, roles["admin"]),
        demo=_account(context, DEMO, demo_password, roles["member"]),
    )
    _catalog(context)
    if clouds_file is not None:
        replace_private(clouds_file, clouds_yaml(done))
    return done


def auth_url() -> str:
    """Return the identity URL that clients on this machine use."""
    return f"{settings.PUBLIC_URL.rstrip('/') or listen_url()}/identity"


def clouds_yaml(done: Bootstrapped) -> str:
    """Return a clouds.yaml with the clouds ``cloudweb`` and ``cloudweb-admin``."""
    lines = ["clouds:"]
    for cloud, account in (("cloudweb", done.demo), ("cloudweb-admin", done.admin)):
        auth = {
            "auth_url": auth_url(),
            "username": account.user_name,
            "password": account.password,
            "project_name": account.project_name,
            "user_domain_id": DEFAULT_DOMAIN_ID,
            "project_domain_id": DEFAULT_DOMAIN_ID,
        }
        lines += [f"  {cloud}:", "    auth:"]
        lines += [f"      {key}: {json.dumps(value)}" for key, value in auth.items()]
        lines += [f"    region_name: {json.dumps(settings.REGION)}", "    identity_api_version: 3"]
    return "\n".join(lines) + "\n"


def _roles(context: RequestContext) -> dict[str, Role]:
    manager, implications = RoleManager(context), ImpliedRoleManager(context)
    for name, description in ROLES.items():
        with contextlib.suppress(Conflict):
            manager.create(name=name, description=description, immutable=True)
    roles = {role.name: role for role in manager.list().filter(name__in=ROLES, domain=None)}
    for prior, implied in itertools.pairwise(CHAIN):
        implications.create(roles[prior].pk, roles[implied].pk)
    return roles


def _account(context: RequestContext, name: str, password: str | None, role: Role) -> Account:
    project = _project(context, name)
    users = UserManager(context)
    known = password or kept_secret(settings.VAR / "secrets" / f"{name}_password", strength=15)
    user = find_user(name=name)
    if user is None:
        with contextlib.suppress(Conflict):
            users.create(
                name=name,
                domain_id=DEFAULT_DOMAIN_ID,
                password=known,
                default_project_id=project.pk,
            )
        user = find_user(name=name)
    elif password is not None and not verify(user, password):
        users.update(user.pk, password=password)
    assert user is not None
    AssignmentManager(context).grant(
        GrantTarget(user_id=user.pk, project_id=project.pk), role_id=role.pk
    )
    if role.name == ADMIN:
        AssignmentManager(context).grant(GrantTarget(user_id=user.pk, system=True), role_id=role.pk)
    return Account(name, known, project.pk, project.name)


def _project(context: RequestContext, name: str) -> Project:
    manager = ProjectManager(context)
    with contextlib.suppress(Conflict):
        manager.create(name=name, domain_id=DEFAULT_DOMAIN_ID)
    return manager.list().get(name=name, domain_id=DEFAULT_DOMAIN_ID)


def _catalog(context: RequestContext) -> None:
    services, endpoints = CatalogServiceManager(context), EndpointManager(context)
    with contextlib.suppress(Conflict):
        RegionManager(context).create(settings.REGION)
    for kind, (name, url) in CATALOG.items():
        service = services.ensure(type=kind, name=name)
        for interface in Endpoint.Interface.values:
            _endpoint(endpoints, service, interface, url)


def _endpoint(manager: EndpointManager, service: Service, interface: str, url: str) -> None:
    manager.ensure(service_id=service.pk, region_id=settings.REGION, interface=interface, url=url)
