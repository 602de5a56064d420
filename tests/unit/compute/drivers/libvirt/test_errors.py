"""What libvirt says becomes an error the engine can act on and a sentence a tenant can read."""

from __future__ import annotations

import libvirt
import pytest

from cloudweb.driver import DriverError, TransientDriverError
from compute.drivers.base import GuestNotFound
from compute.drivers.libvirt.connection import translated, unavailable

NO = "The hypervisor could not start the guest."


def said(code: int, text: str) -> libvirt.libvirtError:
    error = libvirt.libvirtError(text)
    error.err = (code, 10, text, 2, None, None, None, 0, 0)
    return error


@pytest.mark.parametrize(
    ("code", "text", "kind", "message"),
    [
        (libvirt.VIR_ERR_NO_DOMAIN, "Domain not found", GuestNotFound, "The host has no such guest."),
        (libvirt.VIR_ERR_XML_ERROR, "XML error: secret path", DriverError, NO),
        (1, "internal error: secret path", TransientDriverError, NO),
        (1, "write: No space left on device", TransientDriverError, "The host's disk is full."),
        (
            1,
            "qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory",
            TransientDriverError,
            "The host has not enough free memory.",
        ),
    ],
)  # fmt: skip
def test_errors(code: int, text: str, kind: type[DriverError], message: str) -> None:
    found = translated(said(code, text), NO)
    assert type(found) is kind
    assert (found.message, found.detail) == (message, text)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Failed to connect socket: Permission denied", "run as root"),
        ("authentication unavailable", "run as root"),
        ("Failed to connect socket: No such file or directory", "start libvirtd"),
    ],
)
def test_an_operator_reads_what_to_do(text: str, advice: str) -> None:
    found = unavailable("qemu:///system", text)
    assert advice in found.message
    assert text in found.detail
