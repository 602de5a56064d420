"""Try Ansible's openstack.cloud modules on a cloud of their own, on fake drivers.

    python -m tests.clients.ansible DIRECTORY

Ansible is large, so it is no dependency: it is installed into a virtual environment in DIRECTORY, once.
Ends with what Ansible said, and fails if it did.
"""

from __future__ import annotations

import sys
import venv
from pathlib import Path

from cloudweb import process
from tests.builders import disks
from tests.infrastructure import running_cloud

PLAYBOOK = Path(__file__).with_suffix(".yml")
#: Newer SDKs lack an attribute that the modules of this collection read.
PACKAGES = ("ansible>=12", "openstacksdk>=4,<4.15")
HALF_AN_HOUR = 1800


def install(home: Path) -> Path:
    """Return the directory of the environment's programs."""
    programs = home / "ansible" / "bin"
    if not (programs / "ansible-playbook").exists():
        venv.create(programs.parent, with_pip=True)
        process.run(str(programs / "pip"), "install", "--quiet", *PACKAGES, timeout=HALF_AN_HOUR)
    return programs


def main(home: Path) -> int:
    """Run the playbook; return how it ended."""
    home.mkdir(parents=True, exist_ok=True)
    programs, disk = install(home), home / "disk.qcow2"
    disk.write_bytes(disks.qcow2(clusters=[b"data"]))
    values = (f"disk={disk}", f"ansible_python_interpreter={programs / 'python'}")
    with running_cloud() as cloud:
        done = process.run(
            str(programs / "ansible-playbook"), "-e", values[0], "-e", values[1], str(PLAYBOOK),
            env={"HOME": str(home), "LC_ALL": "C.UTF-8", **cloud.environment()},
            timeout=HALF_AN_HOUR, check=False,
        )  # fmt: skip
    sys.stdout.write(done.text)
    sys.stderr.write(done.stderr.decode(errors="replace"))
    return done.returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve()))
