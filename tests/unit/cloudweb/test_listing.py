"""The order of a list."""

from __future__ import annotations

import pytest

from cloudweb.exceptions import InvalidInput
from cloudweb.listing import SortKey, ordered


def test_order_is_columns_each_once_and_unique() -> None:
    columns = {"a": "alpha", "also_a": "alpha", "b": "beta"}
    pairs = [SortKey("a", True), SortKey("also_a", False), SortKey("b", False)]
    assert ordered(pairs, columns) == ["-alpha", "beta"]
    assert ordered(pairs, columns, last="id") == ["-alpha", "beta", "-id"]
    assert ordered([SortKey("a", False)], columns, last="id") == ["alpha", "id"]
    assert ordered([], columns, last="id") == ["id"]
    with pytest.raises(InvalidInput):
        ordered([SortKey("password", False)], columns)
