"""What a request asks for, and how the answer says so."""

from __future__ import annotations

import pytest

from cloudweb.api.microversion import (
    negotiate,
    request_headers,
    response_headers,
)
from cloudweb.exceptions import BadRequest, NotAcceptable
from cloudweb.microversions import Microversion, Microversions
from cloudweb.microversions.compute import COMPUTE

VOLUME = Microversions("volume", major=3, said=dict.fromkeys(range(71), "…"))
NEW, LEGACY = "OpenStack-API-Version", "X-OpenStack-Nova-API-Version"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "2.1"),
        ({NEW: "compute 2.96"}, "2.96"),
        ({NEW: "Compute 2.1"}, "2.1"),
        ({LEGACY: "2.50"}, "2.50"),
        ({NEW: "compute 2.10", LEGACY: "2.96"}, "2.10"),
        ({NEW: "volume 3.70"}, "2.1"),
        ({NEW: "volume 3.70, compute 2.9"}, "2.9"),
        ({NEW: "compute latest"}, "2.96"),
        ({LEGACY: "latest"}, "2.96"),
        ({NEW: ""}, "2.1"),
    ],
)
def test_asked_for(headers: dict[str, str], expected: str) -> None:
    """The new header wins; another service's does not count."""
    assert str(negotiate(COMPUTE, headers)) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2",
        "2.",
        ".1",
        "2.1.1",
        "v2.1",
        "2.01",
        "two",
        "-2.1",
        "2.1\u0661",
        "2.-1",
        "1e3.0",
        "2." + "9" * 5000,
    ],
)
def test_malformed(value: str) -> None:
    """400."""
    with pytest.raises(BadRequest):
        negotiate(COMPUTE, {NEW: f"compute {value}"})
    with pytest.raises(BadRequest):
        negotiate(COMPUTE, {LEGACY: value})


@pytest.mark.parametrize("value", ["2.0", "2.97", "1.1", "3.0", "2.999999999999999999999"])
def test_out_of_range(value: str) -> None:
    """406, with the range in the words clients know."""
    with pytest.raises(NotAcceptable) as refused:
        negotiate(COMPUTE, {NEW: f"compute {value}"})
    assert refused.value.message == (
        f"Version {value} is not supported by the API. Minimum is 2.1 and maximum is 2.96."
    )


def test_versions_compare_as_numbers() -> None:
    """2.9 is older than 2.10."""
    assert Microversion(2, 9) < Microversion(2, 10)


def test_echo() -> None:
    """Both headers, and both in Vary; volume has the new one alone."""
    assert response_headers(COMPUTE, Microversion(2, 37)) == {NEW: "compute 2.37", LEGACY: "2.37"}
    assert request_headers(COMPUTE) == [NEW, LEGACY]
    assert response_headers(VOLUME, Microversion(3, 70)) == {NEW: "volume 3.70"}
    assert request_headers(VOLUME) == [NEW]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "3.0"),
        ({NEW: "volume 3.70"}, "3.70"),
        ({NEW: "compute 2.96, volume 3.44"}, "3.44"),
        ({NEW: "volume 3.1, volume 3.2"}, "3.2"),
        ({NEW: "volume latest"}, "3.70"),
        ({LEGACY: "2.50"}, "3.0"),
        ({NEW: "volumes 3.4"}, "3.0"),
    ],
)
def test_asked_of_volume(headers: dict[str, str], expected: str) -> None:
    """The old header is compute's; one header may speak to several services."""
    assert str(negotiate(VOLUME, headers)) == expected


@pytest.mark.parametrize("value", ["3.71", "2.96", "4.0"])
def test_volume_out_of_range(value: str) -> None:
    """406 with volume's own range."""
    with pytest.raises(NotAcceptable) as refused:
        negotiate(VOLUME, {NEW: f"volume {value}"})
    assert refused.value.message == (
        f"Version {value} is not supported by the API. Minimum is 3.0 and maximum is 3.70."
    )


@pytest.mark.parametrize("value", ["2.1 2.96", "2.96;q=1", "latest 2.1"])
def test_too_many_words(value: str) -> None:
    """What follows the service's name is its version, whole."""
    with pytest.raises(BadRequest):
        negotiate(COMPUTE, {NEW: f"compute {value}"})
