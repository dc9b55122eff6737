"""Fifty hands at once on one fact: one gets it, the others hear who holds it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accounts.audit.recording import command_actor
from conftest import build_tenant
from directory.members.actions import create_member
from directory.models import Address, Member

HANDS = 50

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


@pytest.mark.parametrize("field", ["phone", "prefix", "account"])
def test_one_of_fifty_creations_with_the_same_value_succeeds(field):
    tenant, gate = build_tenant("示例科技", "example.com"), Barrier(HANDS)

    def create(number: int) -> dict[str, list[str]] | None:
        facts = {"phone": f"139{number:08}", "prefix": f"p{number}", "account": f"a{number}"}
        facts[field] = {"phone": "13800138000", "prefix": "same", "account": "same"}[field]
        gate.wait()
        try:
            create_member(tenant.enterprise, by=command_actor(), name="李四", domain=tenant.domain, **facts)
        except ValidationError as refused:
            return refused.message_dict
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(HANDS) as pool:
        answers = list(pool.map(create, range(HANDS)))
    refusals = [answer for answer in answers if answer is not None]
    assert len(refusals) == HANDS - 1
    assert all(list(errors) == [field] and "李四" in errors[field][0] for errors in refusals)
    assert (Member.objects.count(), Address.objects.count()) == (1, 1)
    tenant.root.refresh_from_db()
    assert tenant.root.members_below == 1


def test_the_databases_last_word_is_the_same_field_error():
    """An application may take an address without the lock that members' changes wait for."""
    tenant = build_tenant("示例科技", "example.com")

    def create() -> dict[str, list[str]]:
        try:
            create_member(
                tenant.enterprise,
                by=command_actor(),
                name="李四",
                domain=tenant.domain,
                prefix="lisi",
                phone="13800138000",
            )
        except ValidationError as refused:
            return refused.message_dict
        finally:
            connection.close()
        return {}

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Address.objects.create(enterprise=tenant.enterprise, domain=tenant.domain, local="lisi", purpose="held")
            answer = pool.submit(create)
            with pytest.raises(TimeoutError):
                answer.result(timeout=1)
        errors = answer.result(timeout=10)
    assert list(errors) == ["prefix"]
    assert "lisi@example.com" in errors["prefix"][0]
    assert not Member.objects.exists()
