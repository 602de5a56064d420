"""What may be configured for a domain, as clients of Keystone name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

Config = Mapping[str, Mapping[str, Any]]

#: Group -> option -> what it is unless somebody says otherwise.
DEFAULTS: Config = {
    "identity": {"driver": "sql", "list_limit": None},
    "ldap": {
        "url": "ldap://localhost",
        "user": None,
        "suffix": "cn=example,cn=com",
        "query_scope": "one",
        "page_size": 0,
        "alias_dereferencing": "default",
        "debug_level": None,
        "chase_referrals": None,
        "user_tree_dn": None,
        "user_filter": None,
        "user_objectclass": "inetOrgPerson",
        "user_id_attribute": "cn",
        "user_name_attribute": "sn",
        "user_mail_attribute": "mail",
        "user_description_attribute": "description",
        "user_pass_attribute": "userPassword",
        "user_enabled_attribute": "enabled",
        "user_enabled_invert": False,
        "user_enabled_mask": 0,
        "user_enabled_default": "True",
        "user_attribute_ignore": ["default_project_id"],
        "user_default_project_id_attribute": None,
        "user_enabled_emulation": False,
        "user_enabled_emulation_dn": None,
        "user_enabled_emulation_use_group_config": False,
        "user_additional_attribute_mapping": [],
        "group_tree_dn": None,
        "group_filter": None,
        "group_objectclass": "groupOfNames",
        "group_id_attribute": "cn",
        "group_name_attribute": "ou",
        "group_members_are_ids": False,
        "group_member_attribute": "member",
        "group_desc_attribute": "description",
        "group_attribute_ignore": [],
        "group_additional_attribute_mapping": [],
        "group_ad_nesting": False,
        "tls_cacertfile": None,
        "tls_cacertdir": None,
        "use_tls": False,
        "tls_req_cert": "demand",
        "use_pool": True,
        "pool_size": 10,
        "pool_retry_max": 3,
        "pool_retry_delay": 0.1,
        "pool_connection_timeout": -1,
        "pool_connection_lifetime": 600,
        "use_auth_pool": True,
        "auth_pool_size": 100,
        "auth_pool_connection_lifetime": 60,
    },
}
#: Options that are taken and never shown.
SECRET: Mapping[str, frozenset[str]] = {"ldap": frozenset({"password"})}


def is_known(group: str, option: str | None = None) -> bool:
    """Tell whether there is such a group, or such an option in it."""
    if group not in DEFAULTS:
        return False
    return option is None or option in DEFAULTS[group] or is_secret(group, option)


def is_secret(group: str, option: str) -> bool:
    """Tell whether an option is never shown."""
    return option in SECRET.get(group, ())


def compliance() -> Config:
    """Return what everybody may know of the rules for passwords."""
    return {
        "security_compliance": {
            "password_regex": settings.PASSWORD_REGEX or None,
            "password_regex_description": settings.PASSWORD_REGEX_DESCRIPTION or None,
        }
    }
