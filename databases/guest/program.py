"""The beginning: ``python3 -SE agent.pyz DIRECTORY``; ``--check`` only shows that the program is whole."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import sys
import threading
import time
import types
from pathlib import Path

from databases.guest.channel import Away, Denied
from databases.guest.failures import GuestFailure
from databases.guest.identity import Identity
from databases.guest.journal import Journal
from databases.guest.log_keeping import LogKeeper
from databases.guest.mailbox import Mailbox, say
from databases.guest.methods import Methods
from databases.guest.report import boot_id
from databases.guest.update import Updater
from databases.guest.version import VERSION

#: How often the datastore is looked at between polls; a change of its status is told at once.
WATCH = 10.0
REFUSED = 3


def main(words: list[str]) -> int:
    """Serve the guest until the process ends; 3 when the control plane does not know it."""
    if words[:1] == ["--check"]:
        sys.stdout.write(f"{VERSION}\n")
        return 0
    directory = Path(words[0] if words else "/var/lib/cloudweb-guest")
    directory.mkdir(parents=True, mode=0o700, exist_ok=True)
    os.umask(0o077)
    lock = (directory / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("Another agent is at work here.\n")
        return 1
    serve(directory, program=Path(sys.argv[0]).resolve())
    return REFUSED


def serve(directory: Path, *, program: Path) -> None:
    """Enrol, serve what was served before, poll. Returns when the guest is refused."""
    boot = boot_id()
    identity, methods = Identity(directory), Methods(directory, say=say)
    journal = Journal(directory / "journal.json", run=secrets.token_hex(16))
    updater = Updater(identity, program)
    mailbox: Mailbox

    def newer(hint: dict[str, object]) -> None:
        if mailbox.is_idle():
            updater.look(hint)

    mailbox = Mailbox(identity, methods, journal, boot=boot, newer=newer)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        mailbox.enrol()
    except Denied as error:
        say(f"not enrolled: {error}")
        return
    say(f"agent {VERSION} of {identity.instance}")
    serve_again(methods)
    mailbox.begin()
    threading.Thread(target=watch, args=(mailbox,), daemon=True).start()
    keeper = LogKeeper(methods, lambda said: identity.voice().say("log", said))
    threading.Thread(target=keep_log, args=(keeper,), daemon=True).start()
    mailbox.run()


def serve_again(methods: Methods) -> None:
    """Start a datastore that shall serve: the guest was rebooted, or it died meanwhile.

    One that a replica may have taken over from is started by a letter alone.
    """
    if methods.kept.get("wanted") and methods.kept.get("version"):
        try:
            if methods.hold_back():
                say("held back: another may have taken its place")
                return
            methods.start({})
        except GuestFailure as error:
            say(f"not started: {error} {error.detail}")


def watch(mailbox: Mailbox) -> None:
    """Tell a status as soon as it is another one; begin logs anew that grew too large."""
    told = ""
    while True:
        time.sleep(WATCH)
        status = str(mailbox.report()["data"]["status"])
        try:
            mailbox.keep_house()
            if told and status != told:
                mailbox.heartbeat()
            told = status
        except (Away, Denied, GuestFailure, OSError) as error:
            say(f"watch: {error}")


def keep_log(keeper: LogKeeper) -> None:
    """Send the log when it is due, for ever."""
    while True:
        time.sleep(WATCH)
        try:
            keeper.look()
        except (Away, Denied, GuestFailure, OSError) as error:
            say(f"log: {error}")


def _end(_number: int, _frame: types.FrameType | None) -> None:
    sys.exit(0)  # the datastore serves on
