"""Orders and envelopes are believed only from who signed them."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloudweb.signing import (
    MAX_AGE,
    MAX_SKEW,
    BadSignature,
    OrderSigner,
    OrderVerifier,
    canonical,
    check_mac,
    mac,
)

TOPIC = "compute.h1"
ORDER = {"method": "compute.spawn", "payload": {"name": "größe", "n": 1}}


@pytest.fixture
def signer() -> OrderSigner:
    return OrderSigner(Ed25519PrivateKey.generate())


@pytest.fixture
def verifier(signer: OrderSigner) -> OrderVerifier:
    return OrderVerifier(signer.public_pem(), topics=[TOPIC])


def test_what_was_signed_is_read_back(signer: OrderSigner, verifier: OrderVerifier) -> None:
    read = verifier.verify(signer.sign(ORDER, topic=TOPIC))
    assert read.pop("sent_at") == pytest.approx(time.time(), abs=60)
    assert read == {**ORDER, "topic": TOPIC, "host": "h1"}


@pytest.mark.parametrize(
    "change",
    [
        {"method": "compute.destroy"},
        {"payload": {"name": "größe", "n": 2}},
        {"more": 1},
        {"sent_at": 0},
        {"topic": "compute.h2"},
        {"host": "h2"},
        {"signature": ""},
        {"signature": "zz"},
        {"signature": "00" * 64},
        {"signature": None},
    ],
    ids=str,
)
def test_what_was_changed_is_refused(
    signer: OrderSigner, verifier: OrderVerifier, change: dict[str, Any]
) -> None:
    with pytest.raises(BadSignature):
        verifier.verify({**signer.sign(ORDER, topic=TOPIC), **change})


def test_another_key_is_refused(verifier: OrderVerifier) -> None:
    with pytest.raises(BadSignature):
        verifier.verify(OrderSigner(Ed25519PrivateKey.generate()).sign(ORDER, topic=TOPIC))


@pytest.mark.parametrize("topic", ["compute.h2", "network.h1", "compute.h10", "compute.", "", "h1"])
def test_what_is_signed_for_another_topic_is_refused(
    signer: OrderSigner, verifier: OrderVerifier, topic: str
) -> None:
    with pytest.raises(BadSignature):
        verifier.verify(signer.sign(ORDER, topic=topic))


@pytest.mark.parametrize(
    ("later", "believed"),
    [(MAX_AGE - 5, True), (MAX_AGE + 5, False), (-MAX_SKEW + 5, True), (-MAX_SKEW - 5, False)],
)
def test_orders_grow_old(
    signer: OrderSigner, verifier: OrderVerifier, later: float, believed: bool
) -> None:
    signed = signer.sign(ORDER, topic=TOPIC)
    with time_machine.travel(time.time() + later, tick=False):
        if believed:
            verifier.verify(signed)
        else:
            with pytest.raises(BadSignature):
                verifier.verify(signed)


@pytest.mark.parametrize("key", ["0" * 64, "another"])
def test_envelopes(key: str) -> None:
    envelope: dict[str, Any] = {"host": "h1", "body": {"a": [1]}}
    signed = {**envelope, "mac": mac(b"key", envelope)}
    assert check_mac(b"key", signed) == envelope
    for forged in (
        {**signed, "host": "h2"},
        {**signed, "mac": ""},
        {**signed, "mac": None},
        {**signed, "mac": "é"},
        envelope,
    ):
        with pytest.raises(BadSignature):
            check_mac(b"key", forged)
    with pytest.raises(BadSignature):
        check_mac(key.encode(), signed)


def test_the_order_of_keys_does_not_matter() -> None:
    assert canonical({"a": 1, "b": {"c": 2, "d": 3}}) == canonical({"b": {"d": 3, "c": 2}, "a": 1})
