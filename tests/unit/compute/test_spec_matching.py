"""How extra specs are compared: Nova's operators."""

from __future__ import annotations

from compute.spec_matching import matches

CASES = {
    ("ssd", "ssd"): True,
    ("ssd", "hdd"): False,
    ("12", "= 11"): True,
    ("10", ">= 11"): False,
    ("10", "== 10.0"): True,
    ("10", "!= 10"): False,
    ("9", "<= 10"): True,
    ("x", "<= 10"): False,
    ("abc", "s== abc"): True,
    ("abc", "s!= abc"): False,
    ("abz", "s> abc"): True,
    ("abc", "s<= abb"): False,
    ("avx2 aes", "<in> aes"): True,
    ("avx2 aes", "<all-in> aes avx2"): True,
    ("avx2 aes", "<all-in> aes sse"): False,
    ("ssd", "<or> hdd <or> ssd"): True,
    ("s", "<or> hdd <or> ssd"): False,
    ("=", "="): True,
}


def test_operators() -> None:
    assert {case: matches(*case) for case in CASES} == CASES
