"""The operator's commands: a first enterprise, and the demo."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Enterprise, User
from directory.models import Address, Department, Member

PASSWORD = "a long enough sentence"


def create_enterprise(monkeypatch, password=PASSWORD, **options):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    call_command("create_enterprise", **{"name": "甲公司", "domain": "jia.example", "owner_login": "Zhang", **options})


@pytest.mark.django_db
def test_an_enterprise_gets_an_owner_a_domain_and_a_root(monkeypatch):
    create_enterprise(monkeypatch, owner_phone="138 0013 8000")
    enterprise = Enterprise.objects.get(name="甲公司")
    owner = User.objects.get(login="zhang")
    assert owner.check_password(PASSWORD)
    assert owner.phone == "+8613800138000"
    assert owner.roles.get().name == "owner"
    assert enterprise.domains.get().is_default
    assert Department.objects.get(enterprise=enterprise, parent=None).name == "甲公司"
    assert Address.objects.filter(enterprise=enterprise, local="postmaster", purpose="reserved").exists()
    assert not enterprise.is_demo


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "short"},
        {"password": "1234567890"},
        {"owner_phone": "12345"},
        {"domain": "no domain"},
        {"owner_login": "x" * 65},
        {"owner_login": "two words"},
        {"owner_login": ""},
        {"name": "司公\u202e"},
        {"name": ""},
        {"owner_login": " "},
    ],
)
def test_nothing_is_created_from_what_is_wrong(monkeypatch, wrong):
    before = (Enterprise.objects.count(), User.objects.count())
    with pytest.raises(CommandError):
        create_enterprise(monkeypatch, **wrong)
    assert (Enterprise.objects.count(), User.objects.count()) == before


@pytest.mark.django_db
def test_a_domain_belongs_to_one_enterprise(monkeypatch):
    create_enterprise(monkeypatch)
    with pytest.raises(CommandError):
        create_enterprise(monkeypatch, owner_login="li")
    assert Enterprise.objects.filter(name="甲公司").count() == 1


@pytest.mark.django_db
def test_the_demo_grows_and_never_shrinks(capsys):
    call_command("seed_demo", members=40, departments=15)
    call_command("seed_demo", members=60, departments=20)
    call_command("seed_demo", members=10, departments=3)
    demo = Enterprise.objects.get(is_demo=True)
    assert Member.objects.filter(enterprise=demo).count() == 60
    assert Department.objects.filter(enterprise=demo, parent__isnull=False).count() == 20
    assert Department.objects.get(enterprise=demo, parent=None).members_below == 60
    assert capsys.readouterr().out.count("Demo sign-in: owner / ") == 1


@pytest.mark.django_db
def test_the_demo_gives_every_joined_member_a_user_of_the_same_phone():
    call_command("seed_demo", members=50, departments=12)
    joined = Member.objects.filter(status="active").select_related("user")
    assert joined
    assert all(member.user.phone == member.phone for member in joined)


@pytest.mark.django_db
def test_the_demo_has_invitations_to_play_with():
    call_command("seed_demo", members=50, departments=12)
    messages = Enterprise.objects.get(is_demo=True).sms_messages.all()
    assert len(messages) == 6
    assert {message.gateway for message in messages} == {"file"}


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"members": -1}, {"members": 1_000_001}, {"departments": 10_001}])
def test_a_demo_of_nonsense_size_is_refused(wrong):
    with pytest.raises(CommandError):
        call_command("seed_demo", **wrong)
