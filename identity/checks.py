"""What ``manage.py check`` finds wrong with identity's settings before anything starts."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from identity.directories.conf import WrongSetting, directories


@register()
def directories_are_usable(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Name the first LDAP setting that cannot be used."""
    try:
        directories()
    except WrongSetting as error:
        return [Error(str(error), id="identity.E001")]
    return []
