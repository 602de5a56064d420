"""Fields: what people and clients may write."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudweb.api.fields import Body, LooseBool, Name, Text, parse_bool
from cloudweb.api.views import validate
from cloudweb.exceptions import BadRequest, InvalidInput

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


class Thing(Body):
    """A body to try fields in."""

    name: Name = "thing"
    text: Text = ""
    flag: LooseBool = False
    count: int = 0


@pytest.mark.parametrize("name", ["a", "x" * 255, "Zoë's β-server", " padded ", "<b>", "𝄞"])
def test_good_names(name: str) -> None:
    """Anything people can read."""
    assert validate(Thing, {"name": name}).name == name


@pytest.mark.parametrize(
    "name", ["", " ", "\t", "x" * 256, "a\nb", "nul\0", "\x1b[31m", 5, None, []]
)
def test_bad_names(name: Any) -> None:
    """Blank, endless, with control characters, or no text."""
    with pytest.raises(InvalidInput) as refused:
        validate(Thing, {"name": name})
    assert refused.value.field == "name"
    assert refused.value.message.startswith("Invalid input for field/attribute name. Value: ")
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("yes", True), ("ON", True), ("1", True), (1, True), (False, False),
     ("f", False), (" no ", False), (0, False)],
)  # fmt: skip
def test_booleans_in_every_spelling(value: Any, expected: bool) -> None:
    """As clients write them."""
    assert validate(Thing, {"flag": value}).flag is expected


@pytest.mark.parametrize("value", ["perhaps", "", 2, None, [], 1.5])
def test_no_booleans(value: Any) -> None:
    """Anything else is a 400."""
    with pytest.raises(InvalidInput):
        validate(Thing, {"flag": value})


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
def test_body_that_is_no_object(body: Any) -> None:
    """A 400, not an error."""
    with pytest.raises(BadRequest):
        validate(Thing, body)


def test_unknown_field_is_named() -> None:
    """So that a typing error is found."""
    with pytest.raises(InvalidInput) as refused:
        validate(Thing, {"nmae": "x"})
    assert refused.value.message == (
        "Invalid input for field/attribute nmae. Value: None. "
        "Additional properties are not allowed."
    )


@given(st.dictionaries(st.sampled_from(["name", "text", "flag", "count", "x"]), JSON))
def test_any_object_is_taken_or_refused(body: dict[str, Any]) -> None:
    """Validation never fails in another way."""
    with contextlib.suppress(InvalidInput):
        assert isinstance(validate(Thing, body), Thing)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "default"), ("", "default"), ("None", "default"), ("TRUE", True), ("0", False)],
)
def test_booleans_of_a_query(value: str | None, expected: Any) -> None:
    """``none`` means not asked."""
    found = parse_bool(value, field="f", default=True)
    assert found is (True if expected == "default" else expected)
    with pytest.raises(InvalidInput):
        parse_bool("perhaps", field="f")
