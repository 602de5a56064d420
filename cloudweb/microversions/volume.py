"""What each version of the block storage API changed, and what of it is served.

The words mean what they mean in ``compute.py``; a version that comes ``later`` is claimed nowhere.
"""

from __future__ import annotations

from cloudweb.microversions import Microversions, always, later, partly

NO_VOLUMES = "volumes are not served yet"
NO_GROUPS = "groups are not replicated yet, and of the older kind there are none"
NO_CLUSTERS = "services of one back end do not stand in for each other"

VOLUME = Microversions(
    "volume",
    major=3,
    said={
        0: always(
            "The calls of version 2, under another number.",
            because="it is what all others differ from",
        ),
        1: "An image of a volume can be given visibility and protection.",
        2: later("Filtering volumes by bootable takes booleans alone.", because=NO_VOLUMES),
        3: "Messages tell users why something failed.",
        4: "Volumes are filtered by what their image said.",
        5: "Messages come in pages, sorted and filtered.",
        6: later("A consistency group can lose name and description.", because=NO_GROUPS),
        7: partly(
            "Services name their cluster, and clusters can be listed.",
            missing="the calls about clusters: " + NO_CLUSTERS,
        ),
        8: "What could be managed is listed under names of its own.",
        9: "Name and description of a backup can be changed.",
        10: "Volumes are filtered by group.",
        11: "Groups have types with specs.",
        12: "The volumes of a project are summed up.",
        13: "Volumes are put into groups of any type.",
        14: "The volumes of a group are snapshotted together.",
        15: "Metadata has an ETag and is changed under its condition.",
        16: later("A volume can be migrated to a cluster.", because=NO_CLUSTERS),
        17: later("What a cluster could adopt is listed.", because=NO_CLUSTERS),
        18: "A backup names its project.",
        19: "The status of a group's snapshot can be set.",
        20: "The status of a group can be set.",
        21: "Operators see how the back end calls a volume.",
        22: "Snapshots are filtered by metadata.",
        23: "Deleting a volume can be forced.",
        24: later("Work that died with its service can be cleaned up.", because=NO_CLUSTERS),
        25: "A group lists its volumes.",
        26: partly(
            "Back ends and clusters fail over by one call of a new name.",
            missing="clusters: " + NO_CLUSTERS,
        ),
        27: "Attachments can be listed, made, changed and deleted.",
        28: "Pools are filtered.",
        29: "Snapshots of groups come in pages, sorted and filtered.",
        30: "Snapshots are sorted by name.",
        31: partly(
            "Operators choose what users may filter by.",
            missing="what is filtered by is not chosen, but what others would say is refused",
        ),
        32: later(
            "The level of a service's log can be read and set.",
            because="the level of logs is a setting of the whole cloud",
        ),
        33: "What each list can be filtered by is told.",
        34: "Filters match parts of texts.",
        35: "Pools are filtered by volume type.",
        36: "The sums of a project tell its volumes' metadata.",
        37: "Backups are sorted by name.",
        38: later("Groups are replicated.", because=NO_GROUPS),
        39: "Operators see the limits of any project.",
        40: "A volume goes back to its latest snapshot.",
        41: "A snapshot names its user.",
        42: "A volume is extended while it is in use.",
        43: "Backups have metadata.",
        44: "An attachment is told that it is complete.",
        45: "Lists tell how many there are in all.",
        46: later("A volume is made of the snapshot that an image stands for.", because=NO_VOLUMES),
        47: "A volume is made of a backup.",
        48: partly(
            "A volume names its service and whether targets are shared.",
            missing="the service of a volume",
        ),
        49: "Services tell whether their back end is up.",
        50: "Only its type lets a volume be attached several times.",
        51: "A backup can be put into a zone.",
        52: "Types are filtered by extra specs, and tell their zones.",
        53: "Bodies are checked strictly.",
        54: "An attachment says whether it may write.",
        55: "Transfers take their snapshots along, under a new name.",
        56: "A backup names its user.",
        57: "A transfer names both projects and whether it was accepted.",
        58: "A group names its project.",
        59: "Transfers come in pages, sorted and filtered.",
        60: "Volumes are filtered by when they were made or changed.",
        61: "A volume names its cluster.",
        62: "A project can have a default type of its own.",
        63: "A volume names its type by id, too.",
        64: partly(
            "A volume and a backup name the key they are encrypted with.",
            missing="keys have no ids: null is told of backups",
        ),
        65: "Volumes and snapshots say whether they count for quotas.",
        66: "A volume in use is snapshotted without being forced.",
        67: always(
            "The project's id may be left out of URLs.",
            because="every route is there in both forms at every version",
        ),
        68: "A volume is written anew from an image.",
        69: later("Whether targets are shared may be unknown.", because=NO_VOLUMES),
        70: "Encrypted volumes can be transferred.",
        71: later(
            "A service says that it has grown a volume.",
            because="hosts grow volumes themselves and say so in their answer",
        ),
    },
)
since, until = VOLUME.since, VOLUME.until
