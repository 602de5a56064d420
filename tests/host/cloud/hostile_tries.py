"""What a hostile root tries. It runs inside the guest: the facts it knows are in a file."""

from __future__ import annotations

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from databases.guest import signing, wire
from databases.guest.methods import Methods
from databases.guest.report import report

HOME = Path("/var/lib/cloudweb-guest")
FACTS = json.loads(Path("/tmp/facts").read_text())

ADDRESS = "169.254.169.254"
me = json.loads((HOME / "identity.json").read_text())
token = json.loads((HOME / "config.json").read_text())["token"]
said = report(Methods(HOME), boot="hostile")
found = {}


def ask(method, path, body=None):
    c = http.client.HTTPConnection(ADDRESS, timeout=15)
    c.request(method, path, None if body is None else json.dumps(body).encode())
    status = c.getresponse().status
    c.close()
    return str(status)


def envelope(kind, body, instance=me["instance"], key=me["key"]):
    words = {
        "v": "1.0",
        "instance": instance,
        "kind": kind,
        "number": int(time.time() * 1000),
        "body": body,
    }
    words["mac"] = signing.mac(bytes.fromhex(key), words)
    return words


def say(name, kind, body, **facts):
    found[name] = ask("POST", "/openstack/database/" + kind, envelope(kind, body, **facts))


nothing = wire.dumped("NoArguments", {})
result = {"letter": FACTS["letter"], "outcome": "DONE", "answer": None, "report": said}
enrolment = {"token": token, "nonce": "0" * 32, "report": said}
say("its own word", "heartbeat", said)
say("another's mailbox", "mailbox", said, instance=FACTS["other"])
say("another's state", "heartbeat", said, instance=FACTS["other"])
say("another's key", "renew", nothing, instance=FACTS["other"])
say("another's letter", "result", wire.dumped("GuestResult", result))
say("a key that it made", "heartbeat", said, key="ab" * 32)
word = envelope("heartbeat", said)
ask("POST", "/openstack/database/heartbeat", word)
found["a word again"] = ask("POST", "/openstack/database/heartbeat", word)
moved = envelope("heartbeat", said)
found["a word elsewhere"] = ask("POST", "/openstack/database/renew", moved)
found["its token again"] = ask(
    "POST", "/openstack/database/enrol", wire.dumped("Enrolment", enrolment)
)
enrolment["token"] = FACTS["token"]
found["another's token"] = ask(
    "POST", "/openstack/database/enrol", wire.dumped("Enrolment", enrolment)
)
part = f"/openstack/database/dumps/{FACTS['backup']}/1/1tAbCd:{'x' * 43}"
found["another's backup"] = ask("GET", part)
found["into another's backup"] = ask("PUT", part, {"x": 1})
for path in ("mailbox", "", "letters", "instances"):
    found["list " + path] = ask("GET", "/openstack/database/" + path)
for path in FACTS["paths"]:
    found["path " + path] = ask("GET", path)


def reach(place):
    try:
        socket.create_connection(place, timeout=3).close()
    except OSError:
        return None
    return f"{place[0]}:{place[1]}"


with ThreadPoolExecutor(32) as many:
    reached = many.map(reach, [(host, port) for host in FACTS["hosts"] for port in FACTS["ports"]])
found["reached"] = " ".join(filter(None, reached))
print("TRIED " + json.dumps(found))
