import pytest
from django.core.exceptions import ValidationError

from accounts.audit.recording import command_actor
from directory.domains.addresses import RESERVED
from directory.enterprise import open_enterprise
from directory.models import Address, Domain

LIST = "/console/settings/domains/"
NEW = "/console/settings/domains/new/"


def filled(**fields):
    return {"name": "example.net", "webmail_url": "", "imap": "", "smtp": ""} | fields


@pytest.mark.django_db
def test_an_enterprise_opens_with_domain_reserved_addresses_and_root():
    enterprise = open_enterprise(name="新企业", domain="Example.ORG", by=command_actor())
    domain = enterprise.domains.get()
    assert (domain.name, domain.is_default) == ("example.org", True)
    assert set(Address.objects.values_list("local", flat=True)) == set(RESERVED)
    root = enterprise.departments.get()
    assert (root.name, root.parent, root.depth, root.path) == ("新企业", None, 0, f"{root.pk}/")


@pytest.mark.django_db
def test_a_refused_domain_opens_nothing(tenant):
    with pytest.raises(ValidationError) as refused:
        open_enterprise(name="新企业", domain="example.com", by=command_actor())
    assert list(refused.value.error_dict) == ["domain"]
    assert not type(tenant.enterprise).objects.filter(name="新企业").exists()


def test_the_list_says_where_servers_are_missing(client_of, alice, tenant):
    page = client_of(alice).get(LIST).content.decode()
    assert "example.com" in page
    assert "Without a webmail address" in page
    Domain.objects.update(webmail_url="https://m.example.com/", imap="i.example.com", smtp="s.example.com:465")
    page = client_of(alice).get(LIST).content.decode()
    assert "Without" not in page
    assert "https://m.example.com/" in page


def test_one_is_added_and_may_become_the_default(client_of, alice, tenant):
    answer = client_of(alice).post(NEW, filled(name="例子.公司", is_default="on", imap="IMAP.example.net:993"))
    assert (answer.status_code, answer["Location"]) == (303, LIST)
    made = Domain.objects.get(name="xn--fsqu00a.xn--55qx5d")
    assert (made.is_default, made.imap) == (True, "imap.example.net:993")
    tenant.domain.refresh_from_db()
    assert not tenant.domain.is_default
    assert made.addresses.filter(purpose="reserved").count() == len(RESERVED)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", ""), ("name", "x"), ("name", "a b.com"), ("name", "example.com"), ("name", "EXAMPLE.com."),
        ("name", "1.2.3.4"), ("name", "a" * 64 + ".com"), ("name", "-a.com"), ("name", "a\0.com"),
        ("webmail_url", "javascript:alert(1)"), ("webmail_url", "ftp://x.com"), ("webmail_url", "x"),
        ("webmail_url", "https://"), ("webmail_url", "https://" + "a" * 500 + ".com"), ("imap", "a b"), ("imap", "x:0"),
        ("imap", "x:65536"), ("smtp", "https://x"), ("smtp", "x:y"), ("smtp", ":25"),
    ],
)  # fmt: skip
def test_an_invalid_value_shows_an_error_beside_its_field(client_of, alice, tenant, field, text):
    answer = client_of(alice).post(NEW, filled(**{field: text}))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors


def test_another_enterprises_domain_is_taken_without_a_name(client_of, alice, other_tenant):
    answer = client_of(alice).post(NEW, filled(name="other.example"))
    assert answer.status_code == 422
    assert "别家" not in answer.content.decode()


def test_editing_a_domain_keeps_its_name_and_default_flag(client_of, alice, tenant):
    url = f"{LIST}{tenant.domain.pk}/edit/"
    client = client_of(alice)
    assert client.post(url, filled(webmail_url="https://mail.example.com/")).status_code == 303
    tenant.domain.refresh_from_db()
    assert (tenant.domain.name, tenant.domain.webmail_url, tenant.domain.is_default) == (
        "example.com", "https://mail.example.com/", True,
    )  # fmt: skip
    assert client.post(url, filled(webmail_url="javascript:x")).status_code == 422


def test_foreign_ones_are_not_found_and_settings_need_the_right(client_of, charlie, bob, erin, tenant):
    url = f"{LIST}{tenant.domain.pk}/edit/"
    assert client_of(charlie).get(url).status_code == 404
    assert client_of(bob).get(LIST).status_code == 403
    for user in (bob, erin):
        assert client_of(user).post(url, filled()).status_code == 403
        assert client_of(user).post(NEW, filled()).status_code == 403
