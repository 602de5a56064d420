"""Mapping rules: what they accept, what they refuse, whom they let in."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudweb.exceptions import InvalidInput
from identity.federation.mapping import Mapped, NamedGroup, NotMapped, apply, flatten
from identity.federation.rules import parse_rules

USER = {"user": {"name": "{0}", "email": "{1}"}}
NAMED = [{"type": "preferred_username"}, {"type": "email"}]
ALICE = {
    "sub": "7",
    "preferred_username": "alice",
    "email": "alice@corp.example",
    "groups": ["staff", "dev-web", "dev-db"],
    "email_verified": True,
    "realm_access": {"roles": ["user", "boss"]},
}


def mapped(local: Any, remote: Any, claims: Any = None) -> Mapped:
    rules = parse_rules([{"local": local, "remote": remote}])
    return apply(rules, flatten(ALICE if claims is None else claims))


def in_default(*names: str) -> frozenset[NamedGroup]:
    return frozenset(NamedGroup(name, domain_id="default") for name in names)


def test_a_claim_becomes_the_name() -> None:
    found = mapped([USER], NAMED)
    assert (found.name, found.email) == ("alice", "alice@corp.example")
    assert not found.groups


@pytest.mark.parametrize(
    ("demand", "passes"),
    [
        ({"type": "groups"}, True),
        ({"type": "nothing"}, False),
        ({"type": "groups", "any_one_of": ["staff"]}, True),
        ({"type": "groups", "any_one_of": ["sta"]}, False),
        ({"type": "groups", "any_one_of": ["^dev-"], "regex": True}, True),
        ({"type": "groups", "any_one_of": ["^web"], "regex": True}, False),
        ({"type": "groups", "any_one_of": []}, False),
        ({"type": "groups", "not_any_of": ["guests"]}, True),
        ({"type": "groups", "not_any_of": ["guests", "staff"]}, False),
        ({"type": "groups", "not_any_of": ["db$"], "regex": True}, False),
        ({"type": "nothing", "not_any_of": ["x"]}, False),
        ({"type": "email_verified", "any_one_of": ["true"]}, True),
        ({"type": "realm_access.roles", "any_one_of": ["boss"]}, True),
        ({"type": "OIDC-email", "any_one_of": ["alice@corp.example"]}, True),
        ({"type": "HTTP_OIDC_PREFERRED_USERNAME", "any_one_of": ["alice"]}, True),
    ],
)
def test_a_demand_decides(demand: dict[str, Any], passes: bool) -> None:
    if passes:
        assert mapped([USER], [*NAMED, demand]).name == "alice"
    else:
        with pytest.raises(NotMapped):
            mapped([USER], [*NAMED, demand])


@pytest.mark.parametrize(
    ("demand", "names"),
    [
        ({"type": "groups"}, ["staff", "dev-web", "dev-db"]),
        ({"type": "groups", "whitelist": ["staff", "root"]}, ["staff"]),
        ({"type": "groups", "whitelist": []}, []),
        ({"type": "groups", "whitelist": ["^dev-"], "regex": True}, ["dev-web", "dev-db"]),
        ({"type": "groups", "blacklist": ["staff"]}, ["dev-web", "dev-db"]),
        ({"type": "groups", "blacklist": ["-"], "regex": True}, ["staff"]),
    ],
)
def test_lists_choose_groups(demand: dict[str, Any], names: list[str]) -> None:
    groups = {"groups": "{2}", "domain": {"id": "default"}}
    assert mapped([USER, groups], [*NAMED, demand]).groups == in_default(*names)


def test_conditions_are_not_counted_as_places() -> None:
    remote = [{"type": "groups", "any_one_of": ["staff"]}, {"type": "preferred_username"}]
    assert mapped([{"user": {"name": "{0}"}}], remote).name == "alice"


def test_groups_by_id_name_and_prefix() -> None:
    local = [
        USER,
        {"group": {"id": "abc"}},
        {"group": {"name": "staff-{0}", "domain": {"name": "Corp"}}},
        {"group_ids": "{2}"},
        {"groups": "idp:{2}", "domain": {"id": "default"}},
    ]
    remote = [*NAMED, {"type": "groups", "whitelist": ["dev-db"]}]
    found = mapped(local, remote)
    assert found.group_ids == {"abc", "dev-db"}
    named = NamedGroup("staff-alice", domain_name="Corp")
    assert found.groups == {named} | in_default("idp:dev-db")


def test_rules_add_up_and_the_first_name_wins() -> None:
    rules = parse_rules(
        [
            {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "nickname"}]},
            {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "sub"}]},
            {
                "local": [{"user": {"name": "late"}}, {"group": {"id": "g"}}],
                "remote": [{"type": "sub"}],
            },
        ]
    )
    assert apply(rules, flatten(ALICE)) == Mapped("7", "", frozenset({"g"}), frozenset())


def test_a_name_is_never_made_of_several_values() -> None:
    with pytest.raises(NotMapped):
        mapped([{"user": {"name": "{0}"}}], [{"type": "groups"}])


def test_values_are_not_filled_in_again() -> None:
    claims = {"a": "{1}", "b": "secret"}
    found = mapped([{"user": {"name": "{0}"}}], [{"type": "a"}, {"type": "b"}], claims)
    assert found.name == "{1}"


def test_format_strings_reach_nothing() -> None:
    claims = {"a": "x"}
    local = [{"user": {"name": "{0.__class__} {0!r} {0}"}}]
    assert mapped(local, [{"type": "a"}], claims).name == "{0.__class__} {0!r} x"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"preferred_username": "", "email": "x"},
        {"preferred_username": None, "email": "x"},
        {"preferred_username": [], "email": "x"},
        {"preferred_username": [{"a": 1}], "email": "x"},
        {"preferred_username": "a" * 2000, "email": "x"},
        {"preferred_username": "a", "email": ["x"] * 2000},
    ],
)
def test_claims_that_say_nothing_or_too_much(claims: dict[str, Any]) -> None:
    with pytest.raises(NotMapped):
        mapped([USER], NAMED, claims)


@pytest.mark.parametrize(
    "rules",
    [
        [],
        {},
        ["x"],
        [{}],
        [{"local": [USER], "remote": []}],
        [{"local": [], "remote": NAMED}],
        [{"local": [USER], "remote": NAMED, "more": 1}],
        [{"local": [{"user": {"name": "{2}"}}], "remote": NAMED}],
        [{"local": [USER], "remote": [{"type": "x", "any_one_of": ["a"]}, *NAMED[:1]]}],
        [{"local": [USER], "remote": [*NAMED, {"type": "x", "regex": True}]}],
        [{"local": [USER], "remote": [*NAMED, {"type": "x", "any_one_of": ["("], "regex": True}]}],
        [{"local": [USER], "remote": [*NAMED, {"type": "x", "any_one_of": [], "blacklist": []}]}],
        [{"local": [USER], "remote": [*NAMED, {"type": "x", "any_one_of": "a"}]}],
        [{"local": [{"groups": "{0}"}], "remote": NAMED}],
        [{"local": [{"domain": {"id": "x"}}], "remote": NAMED}],
        [{"local": [{"group": {"name": "g"}}], "remote": NAMED}],
        [{"local": [{"group": {}}], "remote": NAMED}],
        [{"local": [{"user": {"name": "x", "type": "local"}}], "remote": NAMED}],
        [{"local": [{"user": {"name": "x", "domain": {"id": "y"}}}], "remote": NAMED}],
        [{"local": [{"projects": [{"name": "x"}]}], "remote": NAMED}],
    ],
)
def test_rules_that_cannot_be_honoured(rules: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_rules(rules)


def test_no_claim_holds_a_log_in_up() -> None:
    """A pattern for which an expression with back-tracking would take longer than the sun burns."""
    demand = {"type": "x", "any_one_of": ["(a+)+$", "^(a|aa)+$"], "regex": True}
    rules = parse_rules([{"local": [USER], "remote": [*NAMED, demand]}])
    claims = dict.fromkeys(("preferred_username", "email"), ("alice",))
    before = time.thread_time()
    with pytest.raises(NotMapped):
        apply(rules, {**claims, "x": ("a" * 1000 + "b",)})
    assert time.thread_time() - before < 0.5
    beyond = {**demand, "any_one_of": ["(?=a)"]}
    with pytest.raises(InvalidInput, match="RE2"):
        parse_rules([{"local": [USER], "remote": [*NAMED, beyond]}])


def test_the_refusal_names_the_place() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_rules([{"local": [{"user": {"name": "{2}"}}], "remote": NAMED}])
    assert refused.value.field == "rules.0"
    assert "{2} has no counterpart" in refused.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["local", "remote", "user", "type", "a"]), inner, max_size=4
        )
    ),
)


@given(JSON)
def test_rules_of_any_shape_are_refused_in_words(rules: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_rules(rules)


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=6))
def test_claims_of_any_shape_map_or_are_refused(claims: dict[str, Any]) -> None:
    rules = parse_rules([{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "a"}]}])
    try:
        apply(rules, flatten(claims))
    except NotMapped:
        return
    assert flatten(claims)["a"]
