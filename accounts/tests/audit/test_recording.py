"""The log of changes: complete, chained, append-only, and free of what it must not keep."""

import copy
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.audit.recording import Noted, command_actor, plain, recording, task_actor
from accounts.audit.triggers import lift_triggers
from accounts.audit.verification import check_chain
from accounts.models import AuditChain, AuditEvent

pytestmark = pytest.mark.django_db
COLUMNS = [field.attname for field in AuditEvent._meta.concrete_fields]


def write_events(enterprise, count=4, by=None):
    for n in range(count):
        with recording(enterprise, by=by or task_actor("test")) as record:
            record("enterprise_edited", enterprise, before={"name": f"from {n}"}, after={"name": f"to {n}"})


def overwrite(enterprise, event_number, /, **columns):
    """What someone with the database in hand may do: past the triggers, past the model."""
    lift_triggers("default")
    AuditEvent.objects.filter(enterprise=enterprise, number=event_number).update(**columns)


def flipped(value):
    """`value` with one bit changed."""
    if value is None:
        return 1
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, dict):
        other = copy.deepcopy(value)
        other["after"] = {"name": flipped(value["after"]["name"])}
        return other
    if isinstance(value, str):
        return chr(ord(value[0]) ^ 1) + value[1:] if value else "\x01"
    return value.replace(microsecond=value.microsecond ^ 1)


def test_a_change_is_recorded_with_its_author(enterprise, alice):
    with recording(enterprise, by=command_actor(alice)) as record:
        record("enterprise_edited", enterprise, before={"name": "a"}, after={"name": "b"})
    event = AuditEvent.objects.get()
    assert (event.number, event.action, event.target_id) == (1, "enterprise_edited", str(enterprise.pk))
    assert (event.actor_user_id, event.role, event.via) == (alice.pk, "owner", "command")
    assert event.personal["actor"] == "Alice"
    assert event.personal["before"] == {"name": "a"}
    chain = AuditChain.objects.get(enterprise=enterprise)
    assert (chain.length, chain.head) == (1, event.digest)


def test_a_change_that_fails_leaves_no_event(enterprise):
    def fail():
        with recording(enterprise, by=task_actor("test")) as record:
            record("enterprise_edited", enterprise)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not AuditEvent.objects.exists()
    assert AuditChain.objects.get(enterprise=enterprise).length == 0


def test_many_changes_are_an_event_each_with_the_statements_of_one(tenant, alice, lin, wang):
    by = command_actor(alice)
    statements = []
    for noted in [
        [Noted(lin)],
        [Noted(lin, {"name": "a\n"}, {"name": "b"}), Noted(wang, after={"phone": lin.phone})] * 50,
    ]:
        with CaptureQueriesContext(connection) as queries, recording(tenant.enterprise, by=by) as record:
            record.each("member_edited", noted)
        statements.append(len(queries))
    assert statements[0] == statements[1]
    assert check_chain(tenant.enterprise.pk) is None
    *_rest, first, last = AuditEvent.objects.order_by("number")
    assert (first.number, last.number) == (100, 101)
    assert (last.role, last.via, last.target_type, last.target_id) == ("owner", "command", "member", str(wang.pk))
    assert (first.personal["before"], last.personal["after"]) == ({"name": "a\ufffd"}, {"phone": "138****8001"})


def test_a_verb_within_a_verb_keeps_the_chain(enterprise):
    with recording(enterprise, by=task_actor("outer")) as record:
        write_events(enterprise, 2)
        record("enterprise_edited", enterprise)
    assert check_chain(enterprise.pk) is None
    assert AuditChain.objects.get(enterprise=enterprise).length == 3


def test_the_role_is_the_one_in_the_event_s_enterprise(other_tenant, alice):
    write_events(other_tenant.enterprise, 1, by=command_actor(alice))
    assert AuditEvent.objects.get().role == ""


def test_phones_are_masked_and_secrets_left_out(enterprise):
    with recording(enterprise, by=task_actor("test")) as record:
        record(
            "member_edited",
            enterprise,
            before={"phone": "+8613800138000", "code": "123456", "token": "abc"},
            after={"phones": ["13800138001", "+14155552671"], "note": "call 008613800138002 now"},
        )
    personal = AuditEvent.objects.get().personal
    assert personal["before"] == {"phone": "138****8000"}
    assert personal["after"] == {"phones": ["138****8001", "+1 415****671"], "note": "call 138****8002 now"}


@pytest.mark.parametrize("sign", ["\r\n", "\x00", "\u202e", "\ud800", "\x1b[2J"])
def test_control_characters_do_no_harm(enterprise, sign):
    write_events(enterprise, 1, by=task_actor(f"a{sign}b"))
    name = AuditEvent.objects.get().personal["actor"]
    assert name.isprintable()
    assert check_chain(enterprise.pk) is None


def test_plain_keeps_what_json_has(enterprise):
    assert plain({"a": [1, True, None], "b": (enterprise,)}) == {"a": [1, True, None], "b": [enterprise.name]}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_bit_changed_in_any_column_shows(tenant, other_tenant, column):
    write_events(tenant.enterprise)
    value = getattr(AuditEvent.objects.get(number=2), column)
    changed = other_tenant.enterprise.pk if column == "enterprise_id" else 9 if column == "number" else flipped(value)
    overwrite(tenant.enterprise, 2, **{column: changed})
    assert check_chain(tenant.enterprise.pk).number == 2


def test_an_event_taken_out_shows(enterprise):
    write_events(enterprise)
    lift_triggers("default")
    AuditEvent.objects.filter(number=2).delete()
    assert check_chain(enterprise.pk).number == 2


def test_a_cut_tail_shows(enterprise):
    write_events(enterprise)
    lift_triggers("default")
    AuditEvent.objects.filter(number__gt=2).delete()
    assert check_chain(enterprise.pk).number == 3


def test_a_chain_without_its_end_shows(enterprise):
    write_events(enterprise, 1)
    AuditChain.objects.all().delete()
    assert check_chain(enterprise.pk)


def test_events_that_changed_places_show(enterprise):
    write_events(enterprise)
    for number, place in ((2, 90), (3, 2), (90, 3)):
        overwrite(enterprise, number, number=place)
    assert check_chain(enterprise.pk).number == 2


def test_an_event_slipped_in_shows(enterprise):
    write_events(enterprise)
    for number in (4, 3):
        overwrite(enterprise, number, number=number + 1)
    forged = AuditEvent.objects.get(number=2)
    forged.number = 3
    forged.save(force_insert=True)
    assert check_chain(enterprise.pk).number == 3


def test_what_is_personal_can_be_erased_and_the_chain_still_holds(enterprise):
    write_events(enterprise)
    AuditEvent.objects.filter(number=2).update(personal=None)
    assert check_chain(enterprise.pk) is None
    event = AuditEvent.objects.get(number=2)
    assert "from 1" not in str({column: getattr(event, column) for column in COLUMNS})


@pytest.mark.parametrize("change", [{"action": "x"}, {"personal": {}}, {"digest": "x", "personal": None}])
def test_the_database_refuses_to_change_an_event(enterprise, change):
    write_events(enterprise, 1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.update(**change)


def test_the_database_refuses_to_delete_an_event(enterprise):
    write_events(enterprise, 1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all().delete()


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_the_database_refuses_to_truncate():
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE accounts_auditevent")


def test_check_audit_is_content_with_a_whole_chain(enterprise):
    write_events(enterprise)
    out = StringIO()
    call_command("check_audit", stdout=out)
    assert f"enterprise {enterprise.pk}: 4 events" in out.getvalue()


def test_check_audit_names_the_first_broken_link(enterprise):
    write_events(enterprise)
    overwrite(enterprise, 3, ip="6.6.6.6")
    with pytest.raises(CommandError, match=f"enterprise {enterprise.pk}, event 3") as caught:
        call_command("check_audit")
    assert caught.value.returncode == 1


@pytest.mark.django_db(transaction=True)
def test_the_head_is_told_to_the_log_after_each_change(enterprise, caplog):
    with caplog.at_level("INFO", "accounts.audit.recording"):
        write_events(enterprise, 1)
    assert AuditEvent.objects.get().digest in caplog.text


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_32_writers_at_once_make_one_chain(enterprise):
    def write():
        write_events(enterprise, 5)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert check_chain(enterprise.pk) is None
    assert AuditChain.objects.get(enterprise=enterprise).length == 160


@pytest.mark.django_db(transaction=True)
def test_the_triggers_stand_again_after_the_tables_were_emptied(enterprise):
    lift_triggers("default")
    call_command("flush", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            if connection.vendor == "sqlite"
            else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
        names = {name for (name,) in cursor.fetchall()}
    assert {"audit_event_keeps", "audit_event_stays"} <= names
