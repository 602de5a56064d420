"""What each version of the compute API changed, and what of it is served.

``since(52)`` and ``until(56)`` in the code claim 2.52 and 2.57: a version that is said here plainly or
``partly`` is claimed somewhere, one that comes ``later`` or holds ``always`` is claimed nowhere
(tests/contract/test_microversions.py). docs/where-is.md shows who claims what.
"""

from __future__ import annotations

from cloudweb.microversions import Microversions, always, later, partly

TAGS_AT_ALL = "a tag is heard at every version"

COMPUTE = Microversions(
    "compute",
    major=2,
    legacy_header="X-OpenStack-Nova-API-Version",
    said={
        1: always(
            "The calls of version 2.0, with bodies that are checked strictly.",
            because="it is what all others differ from",
        ),
        2: "Key pairs have a type; creating one answers 201, deleting one 204.",
        3: "Operators see more of a server, and everybody whether a volume goes with it.",
        4: later(
            "A fixed address says whether it is reserved.",
            because="fixed addresses belong to the network service",
        ),
        5: always(
            "Everybody may filter servers by IPv6 address.",
            because="the filter is heard at every version",
        ),
        6: "One call opens a console of any kind.",
        7: "Giving a project access to a public flavor is a conflict.",
        8: always(
            "Consoles of VMware's kind.",
            because="no host has one, which is the answer at every version",
        ),
        9: "A server says whether it is locked.",
        10: "Operators name the user whose key pairs they mean.",
        11: "A service can be declared down by force, and says so.",
        12: "A virtual interface names its network.",
        13: "A server group names its project and user.",
        14: "Evacuating takes no word about shared storage and answers no password.",
        15: "Server groups that only prefer to be together or apart.",
        16: "Operators see how the host of a server does.",
        17: "A guest can be told to write a crash dump.",
        18: always(
            "The project's id may be left out of URLs.",
            because="every route is there in both forms at every version",
        ),
        19: "Servers have a description.",
        20: "Volumes come and go while a server is shelved.",
        21: "The log of actions outlives its server.",
        22: "A live migration can be forced to an end.",
        23: "A server lists its live migrations.",
        24: "A live migration can be called off.",
        25: "A live migration finds out itself what to copy.",
        26: "Servers have tags, and lists filter by them.",
        27: always(
            "The version may be named in the header that all services share.",
            because="both headers are read at every version",
        ),
        28: "The processor of a hypervisor is an object instead of a text.",
        29: "Evacuating to a host that was named asks the scheduler, unless that is forced.",
        30: "Migrating to a host that was named asks the scheduler.",
        31: "The token of any console tells where it leads.",
        32: always("Network cards and disks can have a tag.", because=TAGS_AT_ALL),
        33: "Hypervisors come in pages.",
        34: "What stands against a live migration is found out after it was accepted.",
        35: "Key pairs come in pages, sorted by name.",
        36: "What only passed on to other services is gone, with the quotas and limits of networks.",
        37: "A new server must name its networks, be it by the words auto or none.",
        38: "Filtering servers by a status that does not exist is an error.",
        39: "The limit of an image's properties is gone, like the call that passed them on.",
        40: "Usage comes in pages.",
        41: "Aggregates have a UUID.",
        42: always("Tags of devices, which 2.33 and 2.37 had lost.", because=TAGS_AT_ALL),
        43: "The calls about hosts are gone.",
        44: "The actions on fixed and floating addresses are gone, like virtual interfaces.",
        45: "Making an image of a server answers its id in the body.",
        46: always(
            "The id of the request is also in the header that all services share.",
            because="it is at every version",
        ),
        47: "A server shows its flavor as it was when it was made, instead of a link.",
        48: "Diagnostics look the same on every hypervisor.",
        49: "A card or a volume that is attached can have a tag.",
        50: "The quotas of a class know server groups and no networks.",
        51: partly(
            "A server is told that its volume has grown; everybody sees the steps of an action.",
            missing="the steps are seen before, too: the openstack command breaks without them",
        ),
        52: "A server can be created with tags.",
        53: "Services and hypervisors have UUIDs; searching them is part of the list.",
        54: "A rebuild can change the key pair.",
        55: "Flavors have a description that can be changed.",
        56: "A cold migration can name its host.",
        57: "Files are no longer put into a server, whose user data a rebuild can change; quotas too.",
        58: "The log of actions comes in pages, and says when an action last went on.",
        59: "Migrations come in pages and have a UUID.",
        60: "A volume can be attached to several servers.",
        61: "Flavors show their extra specs.",
        62: "The steps of an action name the host, tenants by a hash of it.",
        63: partly(
            "A server can name the certificates its image must be signed with.",
            missing="they are accepted and not checked: signatures of images are not verified",
        ),
        64: "A server group has one policy with rules.",
        65: "A live migration that waits can be called off.",
        66: "Lists of servers, actions and migrations can end at the time of a change.",
        67: "A disk can name the type of its new volume.",
        68: "Moving a server can no longer be forced.",
        69: always(
            "While a part of the cloud is down its servers show what little is known.",
            because="all servers are in one database",
        ),
        70: "Attached cards and volumes show their tag.",
        71: "A server shows the group it is in.",
        72: later(
            "Ports that ask for bandwidth are placed where there is some.",
            because="ports cannot ask for any yet",
        ),
        73: "A lock has a reason, and lists filter and sort by locks.",
        74: "Operators name the host a new server goes to without naming its zone.",
        75: "Words in a query that are not known are refused, and answers no longer depend on the call.",
        76: later(
            "A hypervisor tells that somebody else switched a server.",
            because="no events are taken from other services",
        ),
        77: "A server can come off the shelf in another zone.",
        78: "A server tells its processors and memory node by node.",
        79: "An attached volume says whether it goes with its server.",
        80: "Migrations name their user and project.",
        81: "Images can be brought to the hosts of an aggregate beforehand.",
        82: later("An accelerator tells that it is bound.", because="there are no accelerators"),
        83: always(
            "Everybody may filter servers by what only operators could.",
            because="those that are heard are heard from everybody at every version",
        ),
        84: "The steps of an action say what went wrong.",
        85: "Whether a volume goes with its server can be changed.",
        86: "Extra specs that are known must have a value that makes sense.",
        87: "A server that boots from a volume can be rescued.",
        88: "The capacity of hypervisors is gone, with the calls for their sums and uptime.",
        89: "An attached volume shows the ids of its attachment, and its own once alone.",
        90: "The host name of a server can be chosen, and everybody sees it.",
        91: "A server can come off the shelf on a host that was named, and be tied to no zone.",
        92: "Key pairs are made by clients alone: the public key must be sent.",
        93: "The volume that a server boots from is filled anew when it is rebuilt.",
        94: "The host name of a server may have a domain.",
        95: "An evacuated server stays stopped.",
        96: "A server shows the zone it is pinned to.",
    },
)
since, until = COMPUTE.since, COMPUTE.until
#: Where words in a query that a call does not know are refused.
STRICT = since(75)
