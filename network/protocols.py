"""IP protocols by the names the API accepts, and what is particular about some."""

from __future__ import annotations

from collections.abc import Mapping

#: Names of protocols that clients use, and their numbers (IANA).
PROTOCOLS: Mapping[str, int] = {
    "ah": 51,
    "dccp": 33,
    "egp": 8,
    "esp": 50,
    "gre": 47,
    "icmp": 1,
    "icmpv6": 58,
    "igmp": 2,
    "ipip": 4,
    "ipv6-encap": 41,
    "ipv6-frag": 44,
    "ipv6-icmp": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ipv6-route": 43,
    "ospf": 89,
    "pgm": 113,
    "rsvp": 46,
    "sctp": 132,
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "vrrp": 112,
}
ICMP, ICMPV6 = 1, 58
WITH_PORTS = frozenset({6, 17, 33, 132, 136})
#: Those of which OVN sees the ports.
SEEN_BY_OVN = frozenset({6, 17, 132})
IPV6_ALONE = frozenset({41, 43, 44, 58, 59, 60})
