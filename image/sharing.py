"""Who an image is for, and what a project says to an image that was shared with it."""

from __future__ import annotations

PRIVATE = "private"
SHARED = "shared"
COMMUNITY = "community"
PUBLIC = "public"
VISIBILITIES = (PRIVATE, SHARED, COMMUNITY, PUBLIC)

PENDING = "pending"
ACCEPTED = "accepted"
REJECTED = "rejected"
MEMBER_STATUSES = (PENDING, ACCEPTED, REJECTED)
