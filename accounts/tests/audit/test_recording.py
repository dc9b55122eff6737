"""The audit log: complete, chained, append-only, and without secrets."""

import copy
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.audit.recording import RecordedChange, command_actor, erase_personal, plain, recording, task_actor
from accounts.audit.triggers import drop_triggers
from accounts.audit.verification import verify_chain
from accounts.models import AuditChain, AuditEvent
from accounts.second_factor.passwords import change_password
from conftest import audit_events

pytestmark = pytest.mark.django_db
COLUMNS = [field.attname for field in AuditEvent._meta.concrete_fields]


def write_events(enterprise, count=4, by=None):
    for n in range(count):
        with recording(enterprise, by=by or task_actor("test")) as record:
            record("enterprise_edited", enterprise, before={"name": f"from {n}"}, after={"name": f"to {n}"})


def fill_log(enterprise, length):
    """Write events until there are `length`, with the opening of the enterprise."""
    write_events(enterprise, length - AuditChain.objects.get(enterprise=enterprise).length)


def overwrite(enterprise, event_number, /, **columns):
    """Change an event as with direct access to the database."""
    drop_triggers("default")
    AuditEvent.objects.filter(enterprise=enterprise, number=event_number).update(**columns)


def flipped(value):
    """Return `value` with one bit changed."""
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
    event = audit_events().get()
    assert (event.number, event.action, event.target_id) == (2, "enterprise_edited", str(enterprise.pk))
    assert (event.actor_user_id, event.role, event.via) == (alice.pk, "owner", "command")
    assert event.personal["actor"] == "Alice"
    assert event.personal["before"] == {"name": "a"}
    chain = AuditChain.objects.get(enterprise=enterprise)
    assert (chain.length, chain.head) == (2, event.digest)


def test_a_change_that_fails_leaves_no_event(enterprise):
    def fail():
        with recording(enterprise, by=task_actor("test")) as record:
            record("enterprise_edited", enterprise)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not audit_events().exists()
    assert AuditChain.objects.get(enterprise=enterprise).length == 1


def test_many_changes_are_an_event_each_with_the_statements_of_one(tenant, alice, lin, wang):
    by = command_actor(alice)
    statements = []
    for noted in [
        [RecordedChange(lin)],
        [RecordedChange(lin, {"name": "a\n"}, {"name": "b"}), RecordedChange(wang, after={"phone": lin.phone})] * 50,
    ]:
        with CaptureQueriesContext(connection) as queries, recording(tenant.enterprise, by=by) as record:
            record.each("member_edited", noted)
        statements.append(len(queries))
    assert statements[0] == statements[1]
    assert verify_chain(tenant.enterprise.pk) is None
    *_rest, first, last = AuditEvent.objects.order_by("number")
    assert (first.number, last.number) == (101, 102)
    assert (last.role, last.via, last.target_type, last.target_id) == ("owner", "command", "member", str(wang.pk))
    assert (first.personal["before"], last.personal["after"]) == ({"name": "a\ufffd"}, {"phone": "138****8001"})


def test_nested_actions_keep_the_chain(enterprise):
    with recording(enterprise, by=task_actor("outer")) as record:
        write_events(enterprise, 2)
        record("enterprise_edited", enterprise)
    assert verify_chain(enterprise.pk) is None
    assert AuditChain.objects.get(enterprise=enterprise).length == 4


def test_the_recorded_role_is_that_of_the_enterprise(other_tenant, alice):
    write_events(other_tenant.enterprise, 1, by=command_actor(alice))
    assert audit_events().get().role == ""


def test_phones_are_masked_and_secrets_left_out(enterprise):
    with recording(enterprise, by=task_actor("test")) as record:
        record(
            "member_edited",
            enterprise,
            before={"phone": "+8613800138000", "code": "123456", "token": "abc"},
            after={"phones": ["13800138001", "+14155552671"], "note": "call 008613800138002 now"},
        )
    personal = audit_events().get().personal
    assert personal["before"] == {"phone": "138****8000"}
    assert personal["after"] == {"phones": ["138****8001", "+1 415****671"], "note": "call 138****8002 now"}


@pytest.mark.parametrize("character", ["\r\n", "\x00", "\u202e", "\ud800", "\x1b[2J"])
def test_control_characters_are_replaced(enterprise, character):
    write_events(enterprise, 1, by=task_actor(f"a{character}b"))
    name = audit_events().get().personal["actor"]
    assert name.isprintable()
    assert verify_chain(enterprise.pk) is None


def test_plain_keeps_json_values(enterprise):
    assert plain({"a": [1, True, None], "b": (enterprise,)}) == {"a": [1, True, None], "b": [enterprise.name]}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_bit_in_any_column_is_detected(tenant, other_tenant, column):
    write_events(tenant.enterprise)
    value = getattr(AuditEvent.objects.get(number=2), column)
    changed = other_tenant.enterprise.pk if column == "enterprise_id" else 9 if column == "number" else flipped(value)
    overwrite(tenant.enterprise, 2, **{column: changed})
    assert verify_chain(tenant.enterprise.pk).number == 2


def test_a_removed_event_is_detected(enterprise):
    write_events(enterprise)
    drop_triggers("default")
    AuditEvent.objects.filter(number=2).delete()
    assert verify_chain(enterprise.pk).number == 2


def test_a_truncated_log_is_detected(enterprise):
    write_events(enterprise)
    drop_triggers("default")
    AuditEvent.objects.filter(number__gt=2).delete()
    assert verify_chain(enterprise.pk).number == 3


def test_a_missing_chain_row_is_detected(enterprise):
    write_events(enterprise, 1)
    AuditChain.objects.all().delete()
    assert verify_chain(enterprise.pk)


def test_swapped_events_are_detected(enterprise):
    write_events(enterprise)
    for number, place in ((2, 90), (3, 2), (90, 3)):
        overwrite(enterprise, number, number=place)
    assert verify_chain(enterprise.pk).number == 2


def test_an_inserted_event_is_detected(enterprise):
    fill_log(enterprise, 4)
    for number in (4, 3):
        overwrite(enterprise, number, number=number + 1)
    forged = AuditEvent.objects.get(number=2)
    forged.number = 3
    forged.save(force_insert=True)
    assert verify_chain(enterprise.pk).number == 3


def test_a_chain_verifies_after_personal_data_was_erased(enterprise):
    write_events(enterprise)
    with recording(enterprise, by=task_actor("test")) as record:
        erase_personal(record, AuditEvent.objects.filter(number=2))
    assert verify_chain(enterprise.pk) is None
    event = AuditEvent.objects.get(number=2)
    assert "from 0" not in str({column: getattr(event, column) for column in COLUMNS})


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


def test_check_audit_accepts_a_valid_chain(enterprise):
    fill_log(enterprise, 4)
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
def test_each_transaction_logs_the_heads_it_leaves_once(tenant, alice, caplog):
    def change_many():
        with transaction.atomic():
            write_events(tenant.enterprise, 3)

    def change_own_password():
        change_password(alice, password="a-fine-password", by=command_actor(), enterprise=None, keep_session=None)

    caplog.set_level("INFO", "accounts.audit.recording")
    for change in (change_many, change_own_password):
        caplog.clear()
        change()
        (record,) = caplog.records
        assert AuditChain.objects.get(enterprise=tenant.enterprise).head in record.getMessage(), change


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
    assert verify_chain(enterprise.pk) is None
    assert AuditChain.objects.get(enterprise=enterprise).length == 161


@pytest.mark.django_db(transaction=True)
def test_flush_installs_the_triggers_again(enterprise):
    drop_triggers("default")
    call_command("flush", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            if connection.vendor == "sqlite"
            else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
        names = {name for (name,) in cursor.fetchall()}
    assert {"audit_event_keeps", "audit_event_stays"} <= names
