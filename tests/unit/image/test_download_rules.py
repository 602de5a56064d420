"""Where a download may go: by the shape of the URL, and by the number of the address."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image.download.addresses import is_allowed, networks
from image.download.rules import Rules, UrlRefused

RULES = Rules(
    schemes=["http", "https"],
    ports=[80, 443, 8080],
    hosts=[],
    deny_hosts=["bad.example", ".internal"],
    allow=[],
)

REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.0.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::8.8.8.8",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1",
    "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_public_is_refused(text: str) -> None:
    assert not is_allowed(ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2a00:1450:4001::1", "2600::1",
     "::ffff:8.8.8.8", "64:ff9b::808:808"],
)  # fmt: skip
def test_what_is_public_is_allowed(text: str) -> None:
    assert is_allowed(ip_address(text))


def test_the_operator_allows_more() -> None:
    allow = networks(["10.1.0.0/16", "fd12::/64"])
    for text in ("10.1.2.3", "fd12::1", "::ffff:10.1.2.3", "64:ff9b::a01:203"):
        assert is_allowed(ip_address(text), allow)
    for text in ("10.2.0.1", "fd13::1", "::ffff:10.2.0.1", "127.0.0.1"):
        assert not is_allowed(ip_address(text), allow)


@given(st.ip_addresses(v=4))
def test_every_disguise_of_a_refused_address_is_refused(address: Any) -> None:
    number = int(address)
    disguised = [ip_address((0xFFFF << 32) | number), ip_address((0x64FF9B << 96) | number)]
    assert {is_allowed(one) for one in disguised} == {is_allowed(address)}
    assert not is_allowed(ip_address((0x2002 << 112) | (number << 80)))
    assert not is_allowed(IPv6Address(number))  # ::a.b.c.d


@given(st.ip_addresses())
def test_what_is_allowed_is_public_for_python_too(address: Any) -> None:
    if is_allowed(address):
        mapped = getattr(address, "ipv4_mapped", None)
        nat64 = ip_address("64:ff9b::") if address.version == 6 else None
        if mapped is None and not (nat64 and int(address) >> 32 == int(nat64) >> 32):
            assert address.is_global or address in networks(["2001:200::/23"])[0]
            assert not address.is_multicast


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://example.org", "example.org", "/"),
        ("https://Example.ORG./a/b?c=d&e#f", "example.org", "/a/b?c=d&e"),
        ("http://example.org:8080/%2e%2e/", "example.org:8080", "/%2e%2e/"),
        ("https://example.org:80/", "example.org:80", "/"),
        ("http://[2600::1]/x", "[2600::1]", "/x"),
        ("http://1.2.3.4:80/x", "1.2.3.4", "/x"),
        ("http://2130706433/", "2130706433", "/"),  # what it resolves to is judged later
    ],
)
def test_a_url_is_read_once(url: str, authority: str, path: str) -> None:
    target = RULES.target(url)
    assert (target.authority, target.path) == (authority, path)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "//example.org/", "ftp://example.org/", "file:///etc/passwd",
        "gopher://example.org/", "http://", "http:///x", "http:/example.org/", "http://user@example.org/",
        "http://user:word@example.org/", "http://@example.org/", "http://good.example@bad.example/",
        "http://example.org:22/", "http://example.org:0/", "http://example.org:99999/",
        "http://example.org:x/", "http://exa mple.org/", "http://example.org/a b",
        "http://example.org/\r\nX: y", "http://example.org\\@bad.example/", "http://example.org/\x00",
        "http://ex\u00e4mple.org/", "http://[::1", "http://[::1]x/", "http://[fe80::1%25eth0]/",
        "http://[v1.x]/", "http://-bad.org/", "http://a..b/", "http://bad.example/",
        "http://BAD.example./", "http://x.internal/", "http://" + "a" * 3000, "http://a/" + "b" * 3000,
        "http://%31%32%37.0.0.1/",
    ],
)  # fmt: skip
def test_a_url_that_could_be_read_two_ways_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        RULES.target(url)


def test_only_listed_hosts() -> None:
    rules = Rules(
        schemes=["https"], ports=[443], hosts=["a.example", ".b.example"], deny_hosts=[], allow=[]
    )
    for url in ("https://a.example/", "https://x.b.example/", "https://A.Example./"):
        rules.target(url)
    for url in (
        "https://b.example/",
        "https://xa.example/",
        "https://a.example.c/",
        "http://a.example/",
    ):
        with pytest.raises(UrlRefused):
            rules.target(url)


def test_a_query_is_not_told() -> None:
    assert "secret" not in str(RULES.target("https://example.org/disk?signature=secret"))
