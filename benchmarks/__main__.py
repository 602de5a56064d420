"""``make bench``: print what the control plane costs; nothing is judged.

``ARGS="--quick"`` leaves out the list of a thousand, ``--fake-only`` the real guest.
"""

from __future__ import annotations

import argparse
import os
import sys

from benchmarks import control_plane, real_guest
from benchmarks.figures import heading


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--fake-only", action="store_true")
    parser.add_argument("--alone", type=int, default=20, help="servers created one by one")
    parser.add_argument("--at-once", type=int, default=80, help="servers created by eight clients")
    wanted = parser.parse_args()
    print(heading(), flush=True)
    for figure in control_plane.figures(
        alone=wanted.alone, at_once=wanted.at_once, full=not wanted.quick
    ):
        print(figure.line(), flush=True)
    if wanted.fake_only:
        return 0
    if os.geteuid() != 0:
        print("\nA real guest needs root; it was left out.")
        return 0
    for figure in real_guest.figures():
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
