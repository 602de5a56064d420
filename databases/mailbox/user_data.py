"""What a database's server is told at its first boot: who it is, and to fetch its agent and check whose it is.

One shell script for any Debian: cloud-init runs it (what begins with ``#!`` it takes as a script, once for a
disk), and the project's own image does at each start. A stock image is given what it lacks by its packages;
the project's own lacks nothing. The token in it counts once, and the program is run only if the key in it made
its signature.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Sequence

from databases.mailbox import guests
from databases.models import DatabaseInstance
from operations.orders import signer

ADDRESS = "http://169.254.169.254"
#: Driver -> how a guest that has its datastore is known; the service and packages of a stock Debian.
DATASTORES = {
    "postgresql": (
        "/usr/lib/postgresql/*/bin/postgres",
        "postgresql.service",
        ("postgresql",),
    ),
    "mariadb": (
        "/usr/bin/mariabackup",
        "mariadb.service",
        ("mariadb-server", "mariadb-backup"),
    ),
}
#: What an agent needs besides, and the package that has each.
PROGRAMS = {"python3": "python3", "openssl": "openssl", "zstd": "zstd", "mkfs.ext4": "e2fsprogs"}
SCRIPT = """\
#!/bin/sh
set -eu
umask 077
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
D=/var/lib/cloudweb-guest
mkdir -p "$D"
cd "$D"
if [ ! -f config.json ]; then
cat > orders.pem <<'END'
@KEY@END
cat > config.new <<'END'
@CONFIG@
END
mv config.new config.json
fi
if [ "${1:-}" != serve ] && [ -d /run/systemd/system ]; then
    # from here on it is systemd's, at each start: cloud-init runs this once
    cp "$0" start
    cat > /etc/systemd/system/cloudweb-guest.service <<'END'
@UNIT@END
    systemctl daemon-reload
    systemctl enable cloudweb-guest.service
    exec systemctl start --no-block cloudweb-guest.service
fi
lacks() {
    for program in @PROGRAMS@; do
        command -v "$program" >/dev/null || return 0
    done
    for program in @DATASTORE@; do
        [ ! -x "$program" ] || return 1
    done
}
install() {
    # the agent alone makes clusters and starts them
    umask 022
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
    printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    export DEBIAN_FRONTEND=noninteractive
    until apt-get -q -o DPkg::Lock::Timeout=600 update &&
        apt-get -q -y -o DPkg::Lock::Timeout=600 --no-install-recommends install -- @PACKAGES@; do
        echo "packages cannot be fetched: is there a way to them from this network?"
        sleep 10
    done
    rm /usr/sbin/policy-rc.d
    if [ -d /run/systemd/system ]; then
        systemctl mask @SERVICE@
    fi
}
if lacks; then
    (install)
fi
if [ ! -f agent.pyz ]; then
    # one process fetches it and becomes it: what that imports is what takes a new guest's time
    exec python3 -SE -c '@FETCH@'
fi
exec python3 -SE agent.pyz "$D"
"""
FETCH = """\
import http.client, os, subprocess, sys, time
def get(name):
    c = http.client.HTTPConnection("@HOST@", timeout=30)
    c.request("GET", "/openstack/database/" + name)
    a = c.getresponse()
    data = a.read()
    if a.status != 200:
        raise OSError(a.status)
    return data
def fetch():
    try:
        found = {"agent.new": get("agent.pyz"), "agent.sig": bytes.fromhex(get("agent.sig").decode())}
    except (OSError, ValueError, http.client.HTTPException) as error:
        print("the agent cannot be fetched:", error, file=sys.stderr)
        return False
    for name in found:
        with open(name, "wb") as file:
            file.write(found[name])
    words = "openssl pkeyutl -verify -pubin -inkey orders.pem -rawin -in agent.new -sigfile agent.sig"
    return subprocess.run(words.split()).returncode == 0
while not fetch():
    time.sleep(1)
os.replace("agent.new", "agent.pyz")
home = os.getcwd()
sys.argv = [home + "/agent.pyz", home]
sys.path[0] = sys.argv[0]
from databases.guest.program import main
sys.exit(main(sys.argv[1:]))
"""
#: The datastore outlives its agent, which is replaced while it serves; when the server goes down it ends in good order.
UNIT = """\
[Unit]
Description=Agent of a database
Wants=network-online.target
After=network-online.target
[Service]
Environment=PYTHONDONTWRITEBYTECODE=1
ExecStart=/bin/sh /var/lib/cloudweb-guest/start serve
ExecStopPost=-/bin/sh -c '@STOP@'
Restart=always
RestartSec=5
KillMode=process
[Install]
WantedBy=multi-user.target
"""
STOP = (
    "systemctl is-system-running | grep -q stopping || exit 0; "
    "pkill -INT -o -x postgres; pkill -TERM -x mariadbd; "
    'for i in $(seq 60); do pgrep -x "postgres|mariadbd" >/dev/null || break; sleep 1; done'
)


def script(token: str, *, manager: str = "postgresql", packages: Sequence[str] = ()) -> str:
    """Return the script for a guest with this token and datastore.

    ``packages`` are installed where the image lacks it, instead of the distribution's own.
    """
    key = signer().public_pem().decode()
    program, service, usual = DATASTORES[manager]
    wanted = {*PROGRAMS.values(), "util-linux", "iproute2", "procps", *(packages or usual)}
    filled = {
        "KEY": key,
        "CONFIG": json.dumps({"token": token, "url": ADDRESS, "orders_key": key}),
        "FETCH": FETCH.rstrip(),
        "HOST": ADDRESS.partition("//")[2],
        "PROGRAMS": " ".join(PROGRAMS),
        "DATASTORE": program,
        "SERVICE": service,
        "PACKAGES": shlex.join(sorted(wanted)),
        "UNIT": UNIT.replace("@STOP@", STOP),
    }
    text = SCRIPT
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text


def user_data(instance: DatabaseInstance) -> str:
    """Return the user data, in base64, of an instance's new server, with a fresh token."""
    version = instance.version
    text = script(guests.enrol(instance), manager=version.manager, packages=version.packages)
    return base64.b64encode(text.encode()).decode()
