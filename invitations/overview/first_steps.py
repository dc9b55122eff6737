"""The first steps of an enterprise without members. Each is done once the data says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Role
from accounts.permissions import Permission, may
from accounts.second_factor.factors import has_factor
from directory.models import Department, Domain


@dataclass(frozen=True)
class StepLink:
    label: str
    url: str
    icon: str


@dataclass(frozen=True)
class Step:
    title: str
    hint: str
    is_done: bool = False
    links: list[StepLink] = field(default_factory=list)


def first_steps(role: Role) -> list[Step]:
    """Return the steps that this role may take, in order."""
    steps = {
        Permission.MANAGE_SETTINGS: [_webmail(role)],
        Permission.MANAGE_DEPARTMENTS: [_departments(role)],
        Permission.MANAGE_MEMBERS: [_members(role)],
        Permission.SEND_INVITATIONS: [
            Step(_("Send invitations"), _("Everyone gets an SMS with a link of their own. Add members first."))
        ],
        Permission.MANAGE_ADMINISTRATORS: [_administrators(role), _factor(role)],
    }
    return [step for permission, group in steps.items() if may(role, permission) for step in group]


def _webmail(role: Role) -> Step:
    is_missing = Domain.objects.filter(enterprise=role.enterprise_id, webmail_url="").exists()
    link = StepLink(_("Mail domains"), reverse("directory:domain_list"), "globe")
    hint = _("The address at which members open their mailbox.")
    return Step(_("Fill in the webmail address"), hint, not is_missing, [link])


def _departments(role: Role) -> Step:
    has_any = Department.objects.filter(enterprise=role.enterprise_id, parent__isnull=False).exists()
    link = StepLink(_("Add department"), reverse("directory:department_new"), "network")
    return Step(_("Add departments"), _("Or let an import create them."), has_any, [link])


def _members(role: Role) -> Step:
    links = [
        StepLink(_("Import members"), reverse("directory:import_list"), "file-up"),
        StepLink(_("Add member"), reverse("directory:member_new"), "plus"),
    ]
    if may(role, Permission.MANAGE_SETTINGS):
        links.append(StepLink(_("Let them scan a QR code"), reverse("invitations:joining"), "qr-code"))
    return Step(_("Add members"), _("From a workbook, one by one, or they apply themselves."), links=links)


def _administrators(role: Role) -> Step:
    has_more = Role.objects.filter(enterprise=role.enterprise_id).exclude(pk=role.pk).exists()
    link = StepLink(_("Administrators"), reverse("directory:administrator_list"), "user-cog")
    return Step(_("Add a second administrator"), _("Who decides while you are away?"), has_more, [link])


def _factor(role: Role) -> Step:
    link = StepLink(_("Sign-in security"), reverse("accounts:factor_list"), "shield-check")
    return Step(
        _("Set up a second factor"), _("It protects your administrator account."), has_factor(role.user), [link]
    )
