"""Asks the monitors of a Ceph: a program for the system's Python, the only one that has their binding.

Usage: ask.py CONF USER SECONDS, on standard input a list of [monitor or "", command] in JSON. It prints a
list of [errno, answer, words] for them, up to the first that is refused; 110 at its end is: nobody answers.
It knows nothing of the rest of the tree, and starts in a quarter of the time that the command ``ceph`` takes.
"""

import errno
import json
import sys

import rados  # type: ignore[import-not-found]


def main(conf: str, user: str, seconds: str) -> int:
    """Connect, ask, tell."""
    answers: list[tuple[int, str, str]] = []
    options = {"client_mount_timeout": seconds, "rados_mon_op_timeout": seconds}
    try:
        with rados.Rados(conffile=conf, rados_id=user, conf=options) as cluster:
            for monitor, command in json.load(sys.stdin):
                said = json.dumps({"format": "json", **command})
                refused, answer, words = cluster.mon_command(
                    said, b"", target=monitor or None, timeout=int(seconds)
                )
                answers.append((abs(refused), answer.decode(), words))
                if refused:
                    break
    except rados.Error as error:
        sys.stderr.write(f"{error}\n")
        return getattr(error, "errno", None) or errno.ETIMEDOUT
    sys.stdout.write(json.dumps(answers))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
