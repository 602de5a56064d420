"""Power by IPMI 2.0 over LAN: older management controllers, through the field's ``ipmitool``."""

from __future__ import annotations

from cloudweb.process import CommandFailed, run
from compute.fencing.base import FenceDriver, FenceFailed, Power

PATIENCE = 30.0
#: RAKP-HMAC-SHA1 and AES-CBC-128: what every controller of IPMI 2.0 has.
CIPHER_SUITE = "3"


class IpmiFence(FenceDriver):
    """A machine by its controller's address (``host`` or ``host:port``)."""

    def power(self) -> Power:
        """Return what ``power status`` says."""
        said = self._ask("status").lower()
        if said.endswith("is off"):
            return "off"
        return "on" if said.endswith("is on") else "unknown"

    def off(self) -> None:
        """Cut its power."""
        self._ask("off")

    def on(self) -> None:
        """Give it power."""
        self._ask("on")

    def _ask(self, word: str) -> str:
        host, port = self._target()
        command = (
            "ipmitool", "-I", "lanplus", "-C", CIPHER_SUITE, "-H", host, "-p", port,
            "-U", self.place.user, "-E", "chassis", "power", word,
        )  # fmt: skip
        try:  # the password is in the environment: arguments are anybody's to read
            done = run(*command, env={"IPMI_PASSWORD": self.place.password}, timeout=PATIENCE)
        except CommandFailed as error:
            if error.returncode == 127:
                missing = "ipmitool is not installed where the control workers run."
                raise FenceFailed(missing, detail=error.detail) from error
            raise FenceFailed(detail=error.detail) from error
        return done.text.strip()

    def _target(self) -> tuple[str, str]:
        address = self.place.address
        if address.startswith("["):
            host, _, port = address[1:].partition("]")
            return host, port.removeprefix(":") or "623"
        host, _, port = address.rpartition(":")
        if host and ":" not in host:
            return host, port
        return address, "623"
