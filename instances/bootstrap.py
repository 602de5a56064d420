"""What a cloud offers from its first minute: log-ins, flavors, networks, an image, this host."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from cloudweb.broker import check_broker
from cloudweb.conf import env, host_name
from cloudweb.preparation.banner import Login
from cloudweb.service import host_directory
from compute.bootstrap import ensure_default_flavors
from identity.bootstrap import bootstrap as bootstrap_identity
from instances.demo_image import ensure_demo_image
from network.bootstrap import (
    PUBLIC_CIDR,
    ensure_default_ranges,
    ensure_demo_network,
    ensure_public_network,
)
from operations import restored
from operations.joining import add_host
from volume.bootstrap import ensure_default_type


def bootstrap(*, say: Callable[[str], object]) -> list[Login]:
    """Make all of it where it is missing, write var/clouds.yaml; return the log-ins it names."""
    check_broker(settings.BROKER_URL)
    restored.look(say=say)
    done = bootstrap_identity(clouds_file=settings.VAR / "clouds.yaml")
    ensure_default_flavors()
    ensure_default_ranges()
    ensure_default_type()
    ensure_public_network(
        project_id=done.admin.project_id, cidr=env.str("PUBLIC_CIDR", default=PUBLIC_CIDR)
    )
    ensure_demo_network(done.demo.project_id)
    ensure_demo_image(project_id=done.admin.project_id, say=say)
    add_host(host_name(), host_directory(host_name()))
    return [
        Login("cloudweb", done.demo.user_name, done.demo.password),
        Login("cloudweb-admin", done.admin.user_name, done.admin.password),
    ]
