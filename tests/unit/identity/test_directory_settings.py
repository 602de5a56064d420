"""LDAP settings: what they mean, and which are refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from identity.directories.conf import Directory, WrongSetting, parse

GOOD = {"LDAP_CORP_URL": "ldaps://ldap.corp.example", "LDAP_CORP_USER_BASE": "ou=people,dc=corp"}


def one(**more: str) -> Directory:
    (found,) = parse(["corp"], GOOD | {f"LDAP_CORP_{key}": value for key, value in more.items()})
    return found


def test_defaults_fit_openldap() -> None:
    found = one()
    assert (found.domain, found.name_attribute, found.id_attribute) == ("corp", "uid", "entryUUID")
    assert found.group_base == ""
    assert found.timeout == 5


def test_each_directory_reads_its_own() -> None:
    both = GOOD | {
        "LDAP_LAB_URL": "ldap://10.0.0.2 ldap://10.0.0.3",
        "LDAP_LAB_USER_BASE": "dc=lab",
        "LDAP_LAB_START_TLS": "yes",
        "LDAP_LAB_DOMAIN": "The lab",
        "LDAP_LAB_TIMEOUT": "2",
    }
    corp, lab = parse(["corp", "lab"], both)
    assert corp.start_tls is False
    assert (lab.domain, lab.start_tls, lab.timeout) == ("The lab", True, 2)


def test_the_password_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    found = one(BIND_DN="cn=cloud,dc=corp", BIND_PASSWORD_FILE=str(file))
    assert found.bind_password == "s3cret"
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"URL": ""}, "LDAP_CORP_URL is missing"),
        ({"USER_BASE": ""}, "LDAP_CORP_USER_BASE is missing"),
        ({"URL": "http://ldap.corp.example"}, "must look like ldaps://"),
        ({"URL": "ldaps://ldap.corp.example/dc=corp"}, "must look like ldaps://"),
        ({"URL": "ldap://ldap.corp.example"}, "clear text"),
        ({"URL": "ldaps://a ldap://b"}, "clear text"),
        ({"USER_FILTRE": "(a=b)"}, "LDAP_CORP_USER_FILTRE is no setting"),
        ({"USER_FILTER": "objectClass=person"}, "filter in parentheses"),
        ({"USER_FILTER": "(objectClass=person"}, "filter in parentheses"),
        ({"NAME_ATTRIBUTE": "uid)(objectClass=*"}, "no name of an attribute"),
        ({"GROUP_TYPE": "club"}, "must be one of"),
        ({"START_TLS": "perhaps"}, "must be yes or no"),
        ({"TIMEOUT": "0"}, "1 to 60"),
        ({"TIMEOUT": "1e3"}, "1 to 60"),
        ({"BIND_DN": "cn=cloud"}, "belong together"),
        ({"BIND_PASSWORD": "x"}, "belong together"),
        ({"BIND_DN": "cn=cloud", "BIND_PASSWORD_FILE": "/nonexistent"}, "No such file"),
        ({"CA_FILE": "/nonexistent"}, "there is no file"),
    ],
)
def test_wrong_settings_are_named(more: dict[str, str], said: str) -> None:
    with pytest.raises(WrongSetting, match=said):
        one(**more)


@pytest.mark.parametrize("url", ["ldapi://%2Frun%2Fldapi", "ldap://127.0.0.1:3890"])
def test_this_machine_may_be_asked_without_tls(url: str) -> None:
    assert one(URL=url).url == url


def test_clear_text_can_be_insisted_on() -> None:
    assert one(URL="ldap://ldap.corp.example", CLEARTEXT="yes").cleartext


@pytest.mark.parametrize("names", [["corp-1"], ["1corp"], [""], ["a" * 64]])
def test_names_that_cannot_be_part_of_a_setting(names: list[str]) -> None:
    with pytest.raises(WrongSetting, match="LDAP_DOMAINS"):
        parse(names, GOOD)


def test_one_domain_has_one_directory() -> None:
    twice = GOOD | {key.replace("CORP", "LAB"): value for key, value in GOOD.items()}
    with pytest.raises(WrongSetting, match="one domain"):
        parse(["corp", "lab"], twice | {"LDAP_LAB_DOMAIN": "corp"})
