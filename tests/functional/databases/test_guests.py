"""Guests of databases: known by a token and a key, told by letters; whatever else they try is refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from audit.models import Record
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.objects import IncompatibleObject
from databases import objects, rpc
from databases.asking import ask
from databases.exceptions import DatabaseInstanceNotFound
from databases.guest import files, methods
from databases.guest.channel import Denied
from databases.guest.failures import Refused
from databases.guest.packing import packed
from databases.guest.signing import BadSignature
from databases.guest.update import Updater
from databases.mail import written
from databases.mailbox import guests, letters
from databases.mailbox.certificates import answer_request
from databases.mailbox.letters import waiting
from databases.manager import GuestManager
from databases.models import DatabaseInstance, GuestAgent, Letter, ProjectAuthority
from databases.states import LetterState
from identity.models import Project
from network.models import Port
from tests.builders.database_guests import Guest
from tests.builders.databases import make_instance
from tests.builders.identity import client_of, make_member
from tests.builders.instances import lab

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Pair:
    """Two databases with a guest each; ``other`` is a guest's port of no database at all."""

    a: Guest
    b: Guest
    other: Port


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with lab(tmp_path / "lab") as home:
        user = make_member("dba")
        made = []
        for name in ("a", "b"):
            server_id = home.create()
            instance = make_instance(user, name=name, server_id=server_id)
            (tmp_path / name).mkdir()
            made.append(Guest(instance, _port(server_id), tmp_path / name))
        yield Pair(*made, other=_port(home.create()))


def _port(server_id: Any) -> Port:
    return Port.objects.get(device_id=str(server_id))


def post(instance: DatabaseInstance, method: Any = rpc.STOP, **facts: Any) -> Letter:
    payload = facts.pop("payload", objects.NoArguments())
    return written(instance, method, payload, within=timedelta(minutes=5), **facts)


def refusals() -> list[tuple[str, str, str]]:
    return [
        (row.action, row.code, row.target_id)
        for row in Record.objects.filter(action__startswith="database:guests").order_by(
            "created_at"
        )
    ]


def test_a_guest_enrols_reports_and_does_what_its_letters_say(pair: Pair) -> None:
    guest = pair.a
    guest.mailbox.enrol()
    agent = GuestAgent.objects.get(instance=guest.instance)
    assert (agent.version, agent.report["status"]) == ("1.1", "NEW")
    assert guest.identity._kept["key"] not in (agent.key, agent.token_hash)
    guest.work()  # its certificate

    guest.mailbox.poll()
    held = guest.channel.answers[-1]
    assert held["X-Cloudweb-Hold"] == f"guestagent.{guest.instance.pk} 25"
    letter = post(guest.instance, rpc.LIST_USERS, payload=objects.PageRequest())
    assert waiting() == {f"guestagent.{guest.instance.pk}"}
    again = guest.channel.post(
        "mailbox", b"", **{"cloudweb.held": f"guestagent.{guest.instance.pk}"}
    )
    assert json.loads(again.content)["data"]["letter"]["letter"] == str(letter.id)
    assert waiting() == set()

    # one that asks first is told to serve, unless another one has its place
    guest.methods.held = True
    for changes, told in (
        ({"replica_of": pair.b.instance}, 0),
        ({"replica_of": None, "task": "EJECT"}, 0),
        ({"task": ""}, 1),
    ):
        DatabaseInstance.objects.filter(pk=guest.instance.pk).update(**changes)
        for _again in range(2):
            guest.mailbox.heartbeat()
        starts = guest.instance.letters.filter(method=rpc.START.name)
        assert starts.count() == told
    starts.all().delete()
    guest.methods.held = False

    guest.work()  # what was swallowed on the way comes again
    letter.refresh_from_db()
    assert (letter.state, letter.payload) == (LetterState.ANSWERED, "")
    assert letter.error == {
        "code": "not_running", "public": "The database is not prepared yet.", "detail": "",
    }  # fmt: skip
    assert refusals() == []


def test_a_guest_has_a_certificate_of_its_projects_authority(pair: Pair) -> None:
    guest, pk = pair.a, pair.a.instance.pk
    DatabaseInstance.objects.filter(pk=pk).update(name="shop", addresses=["10.0.0.7"])
    post(guest.instance, operation=uuid.uuid4(), epoch=7)
    guest.mailbox.enrol()
    guest.mailbox.poll()
    [certificate] = [*guest.mailbox._orders.queue]
    assert certificate["method"] == rpc.INSTALL_CERTIFICATE.name  # before what was posted earlier
    given = certificate["payload"]["data"]
    guest.mailbox.poll()  # it asks again meanwhile, and is given it once
    assert Letter.objects.filter(method=rpc.INSTALL_CERTIFICATE.name).count() == 1
    guest.mailbox.do(guest.mailbox._orders.get())
    found = x509.load_pem_x509_certificate(given["certificate"].encode())
    authority = x509.load_pem_x509_certificate(given["authority"].encode())
    found.verify_directly_issued_by(authority)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]
    assert names.get_values_for_type(x509.DNSName) == [str(pk), "shop"]
    assert "CERTIFICATE" not in ProjectAuthority.objects.get().pem  # encrypted
    report = guest.mailbox.report()["data"]
    assert (report["certificate_request"], report["tls_until"]) == ("", given["until"])

    project = Project.objects.get(id=guest.instance.project_id)
    client = client_of(make_member("reader", project=project))
    place = f"/database/v1.0/instances/{pk}"
    shown = client.send("GET", f"{place}/ssl").json()["ssl"]
    assert (shown["enabled"], shown["required"]) == (True, False)
    assert shown["authority"] == given["authority"]
    page = client.send("GET", f"/databases/{pk}/authority.pem")
    assert page.status_code in (200, 302)

    # who wants one all the time, or says what is no request, gets none
    guest.methods.certificate._kept = {}
    guest.mailbox.poll()
    assert Letter.objects.filter(method=rpc.INSTALL_CERTIFICATE.name).count() == 1
    agent = GuestAgent.objects.get(pk=pk)
    for said in ("x", "-----BEGIN CERTIFICATE REQUEST-----\n", "y" * 5000):
        answer_request(
            agent, objects.GuestReport(agent_version="1", boot_id="b", certificate_request=said)
        )
    assert Letter.objects.filter(method=rpc.INSTALL_CERTIFICATE.name).count() == 1


def test_an_agent_that_knows_no_tls_is_told_what_it_knows() -> None:
    source = objects.ReplicaSource(address="a", port=1, user="u", password="p", authority="PEM")
    follow = objects.DemoteRequest(epoch=1, source=source).dump(version="1.0")
    assert "authority" not in follow["data"]["source"]
    prepare = objects.PrepareDatastore(datastore="mariadb", version="1", replica_of=source)
    assert "authority" not in prepare.dump(version="1.0")["data"]["replica_of"]
    assert objects.DemoteRequest(epoch=1).dump(version="1.0")["data"]["source"] is None
    for wanted in (
        objects.Configuration(require_tls=True),
        objects.PrepareDatastore(datastore="mariadb", version="1", require_tls=True),
    ):
        with pytest.raises(IncompatibleObject):
            wanted.dump(version="1.0")


def test_an_order_is_done_once_though_its_result_is_lost(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, done = pair.a, []
    guest.mailbox.enrol()
    guest.work()

    def create(_self: Any, told: dict[str, Any]) -> None:
        done.append(told["databases"][0]["name"])
        raise Refused("The name x is reserved.")

    monkeypatch.setattr(methods.Methods, "create_databases", create)
    wanted = objects.CreateDatabases(databases=(objects.Database(name="x"),))
    letter = post(
        guest.instance, rpc.CREATE_DATABASES, payload=wanted, operation=uuid.uuid4(), epoch=5
    )
    monkeypatch.setattr(guest.mailbox, "_tell", lambda _result: None)
    guest.work()
    monkeypatch.undo()
    monkeypatch.setattr(methods.Methods, "create_databases", create)
    guest.work()
    letter.refresh_from_db()
    assert done == ["x"]
    assert letter.error is not None
    assert letter.error["public"] == "The name x is reserved."
    late = post(
        guest.instance, rpc.CREATE_DATABASES, payload=wanted, operation=uuid.uuid4(), epoch=4
    )
    guest.work()
    late.refresh_from_db()
    assert done == ["x"]
    assert late.error is not None
    assert late.error["public"] == "A later operation took its place."


def test_what_an_agent_does_not_know_is_answered_for_it(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(methods.SPEAKS, rpc.PROMOTE.name)  # an agent of before
    pair.a.mailbox.enrol()
    pair.a.work()
    letter = post(pair.a.instance, rpc.PROMOTE, payload=objects.PromoteRequest(epoch=1))
    pair.a.work()
    letter.refresh_from_db()
    assert letter.error is not None
    assert letter.error["public"] == "The database's agent is too old for this."


def test_a_token_counts_once(pair: Pair) -> None:
    a, b = pair.a, pair.b
    a.mailbox.enrol()
    first = a.channel.sent[0][1]
    assert a.channel.post("enrol", first).status_code == 200  # its answer was lost
    a.mailbox.poll()
    assert a.channel.post("enrol", first).status_code == 409
    words = json.loads(first)
    words["data"]["nonce"] = "another"
    assert a.channel.post("enrol", json.dumps(words).encode()).status_code == 409
    assert b.channel.post("enrol", first).status_code == 404  # another's, at one's own port
    b.channel.port = pair.other
    assert b.channel.post("enrol", first).status_code == 404  # at the port of no database
    GuestAgent.objects.filter(instance=b.instance).update(token_until=now())
    b.channel.port = _port(b.instance.server_id)
    with pytest.raises(Denied) as late:
        b.mailbox.enrol()
    assert late.value.status == 410
    assert [code for _, code, _ in refusals()] == [
        "guest_replayed", "guest_refused", "guest_refused", "guest_unknown",
    ]  # fmt: skip


def test_the_guest_of_a_rebuilt_server_takes_the_place_of_the_one_before(
    pair: Pair, tmp_path: Path
) -> None:
    old = pair.a
    old.mailbox.enrol()
    (directory := tmp_path / "anew").mkdir()
    new = Guest(old.instance, old.channel.port, directory)  # it is given a token
    old.mailbox.heartbeat()  # the old one counts until the new one comes
    new.mailbox.enrol()
    with pytest.raises(Denied):
        old.mailbox.heartbeat()
    assert refusals() == [("database:guests:heartbeat", "guest_refused", str(old.instance.id))]
    new.work()  # what answered the old one's request is not for its key
    assert new.methods.certificate.is_there
    new.mailbox.heartbeat()


def test_a_hostile_guest_gets_nothing_of_another(pair: Pair) -> None:
    a, b = pair.a, pair.b
    a.mailbox.enrol()
    b.mailbox.enrol()
    letter = post(b.instance)
    report = a.mailbox.report()
    own, theirs = str(a.instance.pk), str(b.instance.pk)

    def tries(kind: str, body: bytes, *, at: Guest = a) -> int:
        status: int = at.channel.post(kind, body).status_code
        return status

    assert tries("mailbox", a.envelope("mailbox", report, instance=theirs)) == 404
    assert tries("mailbox", b.envelope("mailbox", report)) == 404  # with its key, at the wrong port
    assert tries("mailbox", a.envelope("mailbox", report), at=b) == 404
    forged = json.loads(a.envelope("mailbox", report))
    assert tries("mailbox", json.dumps({**forged, "mac": "0" * 64}).encode()) == 404
    assert tries("heartbeat", json.dumps(forged).encode()) == 404  # a poll's words said elsewhere
    assert tries("mailbox", json.dumps(forged).encode()) == 200
    assert tries("mailbox", json.dumps(forged).encode()) == 409  # replayed
    assert tries("mailbox", a.envelope("mailbox", report, number=1)) == 409
    assert tries("mailbox", a.envelope("mailbox", report, number=2**63)) == 409
    result = {"letter": str(letter.id), "outcome": "DONE", "report": report}
    said = {"object": "GuestResult", "version": "1.0", "data": result}
    assert tries("result", a.envelope("result", said)) == 404  # another's letter
    a.channel.port = pair.other
    assert tries("mailbox", a.envelope("mailbox", report, number=2**62)) == 404
    letter.refresh_from_db()
    assert letter.state == LetterState.POSTED
    found = refusals()
    assert {code for _, code, _ in found} == {"guest_refused", "guest_replayed"}
    assert {target for _, _, target in found} >= {own, theirs}
    for bad in (b"", b"[]", b"{}", b'{"v": "9.0"}', b"\xff"):
        assert tries("mailbox", bad) == 400
    assert tries("shell", b"{}") == 404


def test_a_report_that_no_database_keeps_is_refused_and_leaves_its_page(pair: Pair) -> None:
    guest = pair.a
    guest.mailbox.enrol()
    usual = guest.mailbox.report()
    for facts, status in (
        ({"error": "x" * 70_000}, 400),
        ({"tls_until": 1e300}, 400),
        ({"tls_until": -1.0}, 400),
        ({"tls_until": "Infinity"}, 400),
        ({"metrics": {"lag": "Infinity"}}, 400),
        ({"metrics": {"volume_used": 1e30}}, 400),
        ({"error": "a\0b \\u0000"}, 200),
    ):
        said = {**usual, "data": {**usual["data"], **facts}}
        answer = guest.channel.post("heartbeat", guest.envelope("heartbeat", said))
        assert answer.status_code == status, (facts, answer.content)
    agent = GuestAgent.objects.get(instance=guest.instance)
    assert agent.report["error"] == "a\ufffdb \\u0000"
    deep = b'{"body": ' + b"[" * 900 + b"]" * 900 + b"}"
    assert guest.channel.post("heartbeat", deep).status_code == 400


def test_letters_that_nobody_reads_again_do_not_pile_up(pair: Pair) -> None:
    guest, rows = pair.a, Letter.objects.filter(instance=pair.a.instance)
    guest.mailbox.enrol()
    guest.methods.held = True
    for _again in range(3):  # it is told to serve, says it does, and waits again all the same
        guest.mailbox.heartbeat()
        assert rows.filter(method=rpc.START.name).count() == 1
        rows.update(state=LetterState.ANSWERED)


def test_a_key_is_renewed_and_an_old_one_counts_no_more(pair: Pair) -> None:
    guest = pair.a
    guest.mailbox.enrol()
    guest.mailbox.poll()
    old = guest.envelope("heartbeat", guest.mailbox.report())
    GuestAgent.objects.update(key_until=now() - timedelta(days=1))
    with pytest.raises(Denied) as over:
        guest.mailbox.poll()
    assert over.value.status == 410
    guest.identity._kept |= {"valid_until": 2.0, "since": 1.0}
    guest.identity.renew_if_due()
    guest.mailbox.poll()
    assert guest.channel.post("heartbeat", old).status_code == 404
    guests.revoke(guest.instance)
    with pytest.raises(Denied):
        guest.mailbox.poll()


def test_only_the_control_planes_letters_for_this_guest_are_done(pair: Pair) -> None:
    a, b = pair.a, pair.b
    a.mailbox.enrol()
    b.mailbox.enrol()
    b.work()
    post(b.instance)
    agent = GuestAgent.objects.get(instance=b.instance)
    report = objects.GuestReport.load(b.mailbox.report())
    letter = letters.next_letter(agent, report)
    assert letter is not None
    with pytest.raises(BadSignature):
        a.identity.opened(letter)
    with pytest.raises(BadSignature):
        b.identity.opened({**letter, "method": "guestagent.disable_root"})
    assert b.identity.opened(letter)["method"] == rpc.STOP.name


def test_a_guest_becomes_the_program_its_control_plane_has(pair: Pair, tmp_path: Path) -> None:
    guest, became = pair.a, []
    program = tmp_path / "agent.pyz"
    program.write_bytes(b"the release before")
    guest.mailbox.enrol()
    updater = Updater(guest.identity, program, become=became.append)
    guest.mailbox._newer = updater.look  # type: ignore[assignment]
    guest.mailbox.poll()
    assert became == [program]
    assert program.read_bytes() == packed()
    assert not Updater(guest.identity, program).look({"sha256": updater._own, "version": "0"})
    config = files.read_json(tmp_path / "a" / "config.json")
    other = guests.signer().public_pem().decode().replace("A", "B", 1)
    guest.identity.config = {**config, "orders_key": other}
    program.write_bytes(b"the release before")
    guest.mailbox.poll()
    assert program.read_bytes() == b"the release before"


def test_letters_of_long_ago_are_forgotten(pair: Pair) -> None:
    old, young = (post(pair.a.instance) for _ in range(2))
    for letter, days in ((old, 91), (young, 89)):
        Letter.objects.filter(id=letter.id).update(deadline_at=now() - timedelta(days=days))
    GuestManager(RequestContext.system()).forget_old_letters()
    assert [*Letter.objects.all()] == [young]


def test_who_waits_for_a_database_that_is_deleted_hears_that(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = pair.a.instance
    pair.a.mailbox.enrol()
    monkeypatch.setattr("databases.conf.GUESTS", "real")
    gone = DatabaseInstance.objects.filter(pk=instance.pk)
    monkeypatch.setattr("databases.asking.time.sleep", lambda _seconds: gone.delete())
    with pytest.raises(DatabaseInstanceNotFound):
        ask(instance, rpc.LIST_USERS, objects.PageRequest())
