"""The files by which clients of the OpenStack API log in: clouds.yaml and openrc."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from cloudweb.context import RequestContext


@dataclass(frozen=True, slots=True)
class ProgramLogIn:
    """An application credential with its secret."""

    id: str
    secret: str


def cloud_name(project: str) -> str:
    """Return a word for a project that needs no quotes anywhere."""
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-") or "cloud"


def clouds_yaml(auth_url: str, context: RequestContext, program: ProgramLogIn | None = None) -> str:
    """Return clouds.yaml for the current project; a person adds his password by hand.

    JSON strings are YAML strings.
    """
    lines = ["clouds:", f"  {cloud_name(context.project_name)}:"]
    auth: dict[str, str | None] = {"auth_url": auth_url}
    if program is not None:
        lines.append("    auth_type: v3applicationcredential")
        auth["application_credential_id"] = program.id
        auth["application_credential_secret"] = program.secret
    else:
        auth["username"] = context.user_name
        auth["user_domain_id"] = context.user_domain_id
        auth["project_id"] = context.project_id
        auth["project_name"] = context.project_name
    lines += ["    auth:", *(f"      {name}: {json.dumps(value)}" for name, value in auth.items())]
    if program is None:
        lines.append("      # password: add it here, or set OS_PASSWORD")
    lines += [f"    region_name: {json.dumps(settings.REGION)}", "    identity_api_version: 3"]
    return "\n".join(lines) + "\n"


def openrc(auth_url: str, context: RequestContext, program: ProgramLogIn | None = None) -> str:
    """Return a shell script that sets the environment of the openstack command.

    It takes away what another such script set, and asks a person for his password.
    """
    values = {"OS_AUTH_URL": auth_url, "OS_IDENTITY_API_VERSION": "3"}
    if program is not None:
        values["OS_AUTH_TYPE"] = "v3applicationcredential"
        values["OS_APPLICATION_CREDENTIAL_ID"] = program.id
        values["OS_APPLICATION_CREDENTIAL_SECRET"] = program.secret
        return _script({**values, "OS_REGION_NAME": settings.REGION})
    values["OS_AUTH_TYPE"] = "password"
    values["OS_USERNAME"] = context.user_name
    values["OS_USER_DOMAIN_ID"] = context.user_domain_id
    values["OS_PROJECT_ID"] = context.project_id or ""
    values["OS_PROJECT_NAME"] = context.project_name
    who = shlex.quote(f"Password of {context.user_name}: ")
    asking = f"printf %s {who}\nstty -echo; read -r OS_PASSWORD; stty echo; echo\n"
    return _script({**values, "OS_REGION_NAME": settings.REGION}) + asking + "export OS_PASSWORD\n"


def _script(values: Mapping[str, str]) -> str:
    forget = (
        "for name in $(env | sed -n 's/^\\(OS_[A-Z0-9_]*\\)=.*/\\1/p'); do unset \"$name\"; done\n"
    )
    return forget + "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in values.items()
    )
