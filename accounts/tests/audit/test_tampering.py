"""What the owner of the database may do to the audit log, and that `check_audit` and the hourly watch tell it."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from accounts.audit import verification_job
from accounts.audit.recording import erase_personal, recording, task_actor
from accounts.audit.triggers import drop_triggers
from accounts.audit.verification_job import start_due_checks, work_on_checks
from accounts.models import AuditChain, AuditCheck, AuditEvent
from accounts.tests.audit.test_recording import write_events

pytestmark = pytest.mark.django_db


def watch(enterprise):
    """Return what the hourly watch finds: the number of the broken event, or None."""
    start_due_checks()
    work_on_checks()
    return AuditCheck.objects.get(enterprise=enterprise).broken_number


def check_audit(*arguments):
    """Return what the command prints, or its refusal."""
    out = StringIO()
    try:
        call_command("check_audit", *arguments, stdout=out)
    except CommandError as error:
        return f"exit code {error.returncode}: {error}"
    return out.getvalue()


def fill(enterprise, count=9):
    """Write events up to number `count`, and let the watch see them."""
    write_events(enterprise, count - 1)
    assert watch(enterprise) is None
    assert "The audit chain is whole." in check_audit()
    drop_triggers("default")


def events_of(enterprise):
    return AuditEvent.objects.filter(enterprise=enterprise)


def cut(enterprise, length):
    """Delete the events after `length`, and set the rows that tell of them to the new end."""
    events_of(enterprise).filter(number__gt=length).delete()
    head = events_of(enterprise).get(number=length).digest
    AuditChain.objects.filter(enterprise=enterprise).update(length=length, head=head)
    end = {"number": length, "head": head, "proven_number": length, "proven_head": head}
    AuditCheck.objects.filter(enterprise=enterprise).update(length=length, **end)


def test_a_log_that_was_deleted_with_its_chain_is_broken_at_its_first_event(enterprise):
    fill(enterprise)
    events_of(enterprise).delete()
    AuditChain.objects.all().delete()
    assert check_audit().startswith("exit code 1: The audit chain is broken.")
    assert f"enterprise {enterprise.pk}, event 1: " in check_audit()
    assert watch(enterprise) == 1


def test_a_log_that_was_deleted_with_every_row_about_it_is_broken_even_if_it_begins_again(enterprise):
    fill(enterprise)
    events_of(enterprise).delete()
    AuditChain.objects.all().delete()
    AuditCheck.objects.all().delete()
    assert watch(enterprise) == 1
    AuditCheck.objects.all().delete()
    write_events(enterprise, 3)
    assert f"enterprise {enterprise.pk}, event 1: " in check_audit()
    assert watch(enterprise) == 1


@pytest.mark.parametrize("numbers", [[4], range(1, 10)])
def test_emptied_events_that_no_erasure_names_are_broken(enterprise, numbers):
    fill(enterprise)
    events_of(enterprise).filter(number__in=numbers).update(personal=None)
    assert f"event {numbers[0]}: its personal part was erased without a record" in check_audit()
    AuditCheck.objects.all().delete()
    assert watch(enterprise) == numbers[0]


def test_events_that_were_erased_on_the_record_are_whole_and_no_others(enterprise):
    write_events(enterprise, 8)
    with recording(enterprise, by=task_actor("upkeep")) as record:
        erase_personal(record, events_of(enterprise).filter(number__in=[2, 3, 4, 7]))
    assert list(events_of(enterprise).filter(personal__isnull=True).values_list("number", flat=True)) == [2, 3, 4, 7]
    assert events_of(enterprise).get(number=10).action == "personal_data_erased"
    fill(enterprise, 3)
    events_of(enterprise).filter(number=5).update(personal=None)
    assert "event 5: its personal part was erased without a record" in check_audit()
    AuditCheck.objects.all().delete()
    assert watch(enterprise) == 5


def test_a_cut_tail_shows_though_the_rows_that_tell_of_it_were_rewritten(enterprise):
    fill(enterprise, 30)
    cut(enterprise, 10)
    assert f"enterprise {enterprise.pk}, event 11: " in check_audit()
    assert watch(enterprise) == 11


@pytest.mark.parametrize("is_check_deleted", [False, True])
def test_a_cut_tail_shows_though_the_log_went_on(enterprise, is_check_deleted):
    fill(enterprise, 30)
    cut(enterprise, 10)
    if is_check_deleted:
        AuditCheck.objects.all().delete()
    write_events(enterprise, 3)
    assert f"enterprise {enterprise.pk}, event 11: " in check_audit()
    assert watch(enterprise) == 11


@pytest.mark.parametrize("length", [1, 8, 9, 10, 29])
def test_the_watch_names_the_first_event_of_a_cut_tail(enterprise, length, monkeypatch):
    monkeypatch.setattr(verification_job, "CHUNK", 4)
    fill(enterprise, 30)
    events_of(enterprise).filter(number__gt=length).delete()
    assert f"event {length + 1}: it is missing" in check_audit()
    assert watch(enterprise) == length + 1


def test_the_command_compares_with_a_head_from_the_process_log(enterprise):
    write_events(enterprise, 3)
    chain = AuditChain.objects.get()
    write_events(enterprise, 2)
    assert "A log holds event 4 with this head." in check_audit("--head", f"4:{chain.head}")
    assert "The audit chain is broken" in check_audit("--head", f"5:{chain.head}")
    assert "The audit chain is broken" in check_audit("--head", f"4:{chain.head[::-1]}")
    assert "The audit chain is broken" in check_audit("--head", f"4:{chain.head}", "--head", f"4:{'0' * 64}")
    for nonsense in ("", chain.head, "4:", f"4:{chain.head}0", f"x:{chain.head}", f"0:{chain.head}", "9" * 30 + ":"):
        assert "must be N:HASH" in check_audit("--head", nonsense), nonsense


def roll_back(enterprise):
    """Restore an earlier state of everything, as from a backup."""
    chain = AuditChain.objects.filter(enterprise=enterprise).values().get()
    check = AuditCheck.objects.filter(enterprise=enterprise).values().get()
    length = chain["length"]
    write_events(enterprise, 5)
    head = AuditChain.objects.get(enterprise=enterprise).head
    watch(enterprise)
    drop_triggers("default")
    events_of(enterprise).filter(number__gt=length).delete()
    AuditChain.objects.filter(enterprise=enterprise).update(**chain)
    AuditCheck.objects.filter(enterprise=enterprise).update(**check)
    return f"{length + 5}:{head}"


def test_a_log_that_was_rolled_back_as_a_whole_shows_by_a_head_kept_elsewhere(enterprise):
    fill(enterprise)
    head = roll_back(enterprise)
    assert "no audit log holds event 14" in check_audit("--head", head)


def move_to(other):
    """Return a tampering that moves the last event to the end of another enterprise's log."""

    def move(enterprise):
        last = AuditChain.objects.get(enterprise=other).length
        events_of(enterprise).filter(number=9).update(enterprise=other, number=last + 1)

    return move


def repoint(other):
    """Return a tampering that exchanges the ends of two logs."""

    def exchange(enterprise):
        ends = {one: AuditChain.objects.values().get(enterprise=one) for one in (enterprise, other)}
        for one, end in ((enterprise, ends[other]), (other, ends[enterprise])):
            kept = {"id": ends[one]["id"], "enterprise_id": one.pk}
            AuditChain.objects.filter(enterprise=one).update(**(end | kept))

    return exchange


@pytest.mark.parametrize("tampering", [move_to, repoint])
def test_what_was_exchanged_between_enterprises_shows_in_both(enterprise, other_tenant, tampering):
    other = other_tenant.enterprise
    write_events(other, 3)
    fill(enterprise)
    tampering(other)(enterprise)
    found = check_audit()
    assert f"enterprise {enterprise.pk}, event " in found
    assert f"enterprise {other.pk}, event " in found
    assert watch(enterprise)
    assert watch(other)


def exchange_personal_parts(enterprise):
    values = {event.number: event.personal for event in events_of(enterprise)}
    for number, other in ((3, 4), (4, 3)):
        events_of(enterprise).filter(number=number).update(personal=values[other])


def exchange_personal_parts_with_their_digests(enterprise):
    values = {event.number: (event.personal, event.personal_digest) for event in events_of(enterprise)}
    for number, other in ((3, 4), (4, 3)):
        events_of(enterprise).filter(number=number).update(personal=values[other][0], personal_digest=values[other][1])


def change_a_value(enterprise):
    event = events_of(enterprise).get(number=3)
    events_of(enterprise).filter(number=3).update(personal=event.personal | {"after": {"name": "another"}})


def empty_into_an_object(enterprise):
    events_of(enterprise).filter(number=3).update(personal={})


def insert_at_the_end(enterprise):
    event = events_of(enterprise).get(number=9)
    event.number, event.previous = 10, event.digest
    event.digest = "0" * 64
    event.save(force_insert=True)


def insert_before_the_first(enterprise):
    event = events_of(enterprise).get(number=1)
    event.number = 0
    event.save(force_insert=True)


def exchange_events(enterprise):
    for number, place in ((3, 90), (4, 3), (90, 4)):
        events_of(enterprise).filter(number=number).update(number=place)


def delete_one(enterprise):
    events_of(enterprise).filter(number=3).delete()


def delete_one_and_close_up(enterprise):
    delete_one(enterprise)
    for number in range(4, 10):
        events_of(enterprise).filter(number=number).update(number=F("number") - 1)


@pytest.mark.parametrize(
    ("tampering", "number"),
    [
        (exchange_personal_parts, 3),
        (exchange_personal_parts_with_their_digests, 3),
        (change_a_value, 3),
        (empty_into_an_object, 3),
        (insert_at_the_end, 10),
        (insert_before_the_first, 1),
        (exchange_events, 3),
        (delete_one, 3),
        (delete_one_and_close_up, 3),
    ],
)
def test_each_tampering_is_named_by_its_first_event(enterprise, tampering, number):
    fill(enterprise)
    tampering(enterprise)
    assert f"enterprise {enterprise.pk}, event {number}: " in check_audit()
    AuditCheck.objects.all().delete()
    assert watch(enterprise) == number


def test_a_rewritten_record_of_the_last_check_shows(enterprise):
    """Each of these would otherwise let the watch skip what it has to read, or forget what it found."""
    fill(enterprise)
    check = AuditCheck.objects.get()
    later = {"number": 20, "head": "0" * 64}
    for changed in (later, {"proven_number": 0, "proven_head": ""}, {"whole_at": None}, {"length": 99}):
        AuditCheck.objects.update(**changed)
        assert watch(enterprise) == 10, changed
        assert "the record of the last verification was changed" in AuditCheck.objects.get().why
        AuditCheck.objects.all().delete()
        check.save(force_insert=True)
    AuditCheck.objects.update(number=20)
    assert "event 10: the record of the last verification was changed" in check_audit()
