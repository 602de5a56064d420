"""Network namespaces by name, under /run/netns as ``ip netns`` keeps them."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from cloudweb import process
from cloudweb.driver import DriverError

T = TypeVar("T")
DIRECTORY = Path("/run/netns")
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def exists(name: str) -> bool:
    """Tell whether the namespace can be entered; a name whose mount is gone cannot."""
    try:
        inside(name, lambda: None)
    except DriverError:
        return False
    return True


def identity(name: str) -> int | None:
    """Return what tells a namespace from a later one of the same name; None where there is none."""
    try:
        return (DIRECTORY / name).stat().st_ino
    except FileNotFoundError:
        return None


def ensure(name: str) -> None:
    """Make the namespace be there, with its loopback up."""
    if not exists(name):
        (DIRECTORY / name).unlink(missing_ok=True)  # a crash left the name without the mount
        try:
            process.run("ip", "netns", "add", name)
        except process.CommandFailed as error:
            raise DriverError(
                "This host cannot make network namespaces: Cloudweb needs root with CAP_SYS_ADMIN "
                "(in a container: --privileged).",
                detail=error.detail,
            ) from error
    process.run("ip", "-n", name, "link", "set", "lo", "up")


def delete(name: str) -> None:
    """Make the namespace absent."""
    if (DIRECTORY / name).exists():
        process.run("ip", "netns", "delete", name, check=False)
        (DIRECTORY / name).unlink(missing_ok=True)


def names(prefix: str) -> Sequence[str]:
    """Return the namespaces whose names begin so."""
    if not DIRECTORY.exists():
        return ()
    return sorted(entry.name for entry in DIRECTORY.iterdir() if entry.name.startswith(prefix))


def inside(name: str | None, action: Callable[[], T]) -> T:
    """Run a function in the namespace (None: where we are) and return what it returns.

    It runs in a thread of its own that ends there, so that no other work can land in the wrong one.
    """
    if name is None:
        return action()
    results: list[T] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            _enter(name)
            results.append(action())
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=enter, name=f"netns-{name}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def command(name: str | None, *words: str) -> Sequence[str]:
    """Return a command line that runs in the namespace (None: where we are)."""
    return words if name is None else ("nsenter", f"--net={DIRECTORY / name}", *words)


def has_six(name: str) -> bool:
    """Tell whether a link of the namespace that we are in speaks IPv6: a kernel may have none."""
    return read_sysctl(f"net/ipv6/conf/{name}/disable_ipv6") == "0"


def write_sysctl(path: str, value: str) -> None:
    """Set ``net/...`` in the namespace of the calling thread; one this kernel has not is skipped."""
    file = Path("/proc/sys") / path
    if file.exists() and file.read_text().strip() != value:
        try:
            file.write_text(value)
        except OSError as error:
            raise DriverError(
                "This host does not let Cloudweb set kernel parameters (in a container: --privileged).",
                detail=f"{file}: {error}",
            ) from error


def read_sysctl(path: str) -> str | None:
    """Return ``net/...`` in the namespace of the calling thread, or None."""
    file = Path("/proc/sys") / path
    return file.read_text().strip() if file.exists() else None


def _enter(name: str) -> None:
    try:
        handle = os.open(DIRECTORY / name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise DriverError("A network namespace is missing.", detail=name) from error
    try:
        if _libc.setns(handle, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise DriverError(
                "A network namespace cannot be entered.", detail=f"{name}: {os.strerror(number)}"
            )
    finally:
        os.close(handle)
