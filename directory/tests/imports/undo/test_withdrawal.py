"""An undo withdraws the open invitations of the members it keeps, if that was ticked."""

from django.utils import timezone

from accounts.models import AuditEvent
from directory.joining.invitations import invite_member, open_invitations
from directory.models import Invitation, Member
from directory.tests.imports.test_pages import applied, checked
from directory.tests.imports.undo.test_forecast import BY, edit, fields, figures
from directory.tests.imports.workbooks import person, xlsx
from sms.models import Message


def test_open_invitations_of_members_who_are_kept_can_be_withdrawn(client_of, alice, tenant, wang):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(*(person(number) for number in range(1, 6))))
    applied(client, page)
    invite_member(wang, by=BY)
    for number in range(1, 5):
        invite_member(Member.objects.get(name=f"成员{number}"), by=BY)
    edit(Member.objects.get(name="成员2"), position="改过")
    Invitation.objects.filter(member__name="成员3").update(expires_at=timezone.now())
    Member.objects.filter(name="成员4").update(status="active")
    html = client.get(page).content.decode()
    assert 'name="withdraw_invitations"' in html
    assert "open invitations of 2 members" in html
    client.post(f"{page}undo/", {**fields(html), "withdraw_invitations": "1"})
    assert figures(client.get(page).content.decode())["withdrawn"] == 2
    assert list(open_invitations(Member.objects.all()).values_list("member__name", flat=True)) == ["王芳"]
    assert set(Message.objects.filter(state="cancelled").values_list("subject", flat=True)) == {
        f"member:{member.pk}" for member in Member.objects.filter(name__in=["成员1", "成员2"])
    }
    uninvited = Member.objects.filter(invited_at=None).values_list("name", flat=True)
    assert set(uninvited) == {"成员1", "成员2"}
    assert AuditEvent.objects.get(action="invitations_withdrawn").target_type == "import"
    assert AuditEvent.objects.get(action="import_undone").personal["after"]["withdrawn"] == 2


def test_an_undo_leaves_invitations_open_unless_asked(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1)))
    applied(client, page)
    invite_member(Member.objects.get(), by=BY)
    client.post(f"{page}undo/", fields(client.get(page).content.decode()))
    assert open_invitations(Member.objects.all()).count() == 1
    assert Member.objects.get().invited_at
