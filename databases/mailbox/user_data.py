"""What a database's server is told at its first boot: who it is, and to fetch its agent and check whose it is.

One shell script for any Debian: cloud-init runs it, and the project's own image does at each start. The
token in it counts once, and the program is run only if the key in it made its signature.
"""

from __future__ import annotations

import base64
import json

from databases.mailbox import guests
from databases.models import DatabaseInstance
from operations.orders import signer

ADDRESS = "http://169.254.169.254"
SCRIPT = """\
#!/bin/sh
set -eu
umask 077
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
fetch() {
    python3 -SE -c 'import http.client, sys
def get(name):
    c = http.client.HTTPConnection("@HOST@", timeout=30)
    c.request("GET", "/openstack/database/" + name)
    a = c.getresponse()
    data = a.read()
    return data if a.status == 200 else sys.exit(1)
open("agent.new", "wb").write(get("agent.pyz"))
open("agent.sig", "wb").write(bytes.fromhex(get("agent.sig").decode()))'
}
until [ -f agent.pyz ]; do
    if fetch &&
        openssl pkeyutl -verify -pubin -inkey orders.pem -rawin -in agent.new -sigfile agent.sig; then
        mv agent.new agent.pyz
    else
        sleep 1
    fi
done
if [ -d /run/systemd/system ]; then
    cat > /etc/systemd/system/cloudweb-guest.service <<'END'
[Unit]
Description=Agent of a database
After=network-online.target
[Service]
ExecStart=/usr/bin/python3 -SE /var/lib/cloudweb-guest/agent.pyz /var/lib/cloudweb-guest
Restart=always
RestartSec=5
KillMode=process
[Install]
WantedBy=multi-user.target
END
    systemctl daemon-reload
    systemctl enable cloudweb-guest.service
    systemctl start --no-block cloudweb-guest.service
else
    exec python3 -SE agent.pyz "$D"
fi
"""


def script(token: str) -> str:
    """Return the script for a guest with this token."""
    key = signer().public_pem().decode()
    config = json.dumps({"token": token, "url": ADDRESS, "orders_key": key})
    host = ADDRESS.partition("//")[2]
    return SCRIPT.replace("@KEY@", key).replace("@CONFIG@", config).replace("@HOST@", host)


def user_data(instance: DatabaseInstance) -> str:
    """Return the user data, in base64, of an instance's new server, with a fresh token."""
    return base64.b64encode(script(guests.enrol(instance)).encode()).decode()
