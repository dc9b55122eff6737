"""What waits for somebody: the union of all sources, each of which a list can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Min, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit.verification_job import broken_check
from accounts.messages.list import waiting_messages
from accounts.models import Role
from accounts.permissions import Permission, may
from core.pagination import count_capped, show_count
from directory.access import members_of
from directory.administrators.list import without_factor
from directory.bulk_actions.list import failed_bulk_actions
from directory.imports.pages import waiting_imports
from directory.members.list import unanswered, without_code
from directory.models import Domain
from invitations.access import applications_of
from invitations.links.named import ending_links
from invitations.models import Application
from invitations.overview.funnel import Funnel
from sms.codes.alarms import current_alarms
from sms.outbox.breaker import unreachable_gateways
from sms.outbox.queue import gateway_of


@dataclass(frozen=True)
class Todo:
    """Something that waits: `name` is for scripts, `url` shows exactly these rows, `since` is the oldest one's time."""

    name: str
    count: int
    icon: str
    text: str
    url: str
    button: str
    tone: str = ""
    since: datetime | None = None

    @property
    def age_text(self) -> str:
        """How long the oldest one has waited, in words."""
        if self.since is None or timezone.now() - self.since < timedelta(minutes=1):
            return _("just now")
        return _("%(age)s ago") % {"age": timesince(self.since, depth=1)}


@dataclass(frozen=True)
class Source:
    """Where something may wait: shown with the permission `read`, with a button with the permission `act`."""

    read: Permission
    act: Permission
    find: Callable[[Reader], Todo | None]


@dataclass(frozen=True)
class Reader:
    """The reader of the overview, with the counts of the members within reach, so that these are counted once."""

    role: Role
    funnel: Funnel


@dataclass(frozen=True)
class ShownTodo:
    todo: Todo
    may_act: bool


def todos_of(role: Role, funnel: Funnel) -> list[ShownTodo]:
    """Return what waits for this role, the worst first. The number of queries is constant, and counts are capped."""
    readable = [source for source in SOURCES if may(role, source.read)]
    found = [(source.find(Reader(role, funnel)), may(role, source.act)) for source in readable]
    return [ShownTodo(todo, may_act) for todo, may_act in found if todo]


def _audit(reader: Reader) -> Todo | None:
    check = broken_check(reader.role.enterprise)
    if check is None:
        return None
    text = _("The activity log has been modified: it is broken at event %(number)s.")
    text %= {"number": show_count(check.broken_number or 0, check.broken_number or 0)}
    return Todo(
        "audit", 1, "shield-alert", text, reverse("accounts:audit_list"), _("View"), tone="bad", since=check.finished_at
    )


def _alarms(reader: Reader) -> Todo | None:
    alarms = list(current_alarms(reader.role.enterprise_id))
    if not alarms:
        return None
    text = str(alarms[0].get_kind_display())
    if not alarms[0].enterprise_id:
        text += " " + _("This affects the whole installation.")
    url = reverse("accounts:message_list") + "?kind=code"
    tone = "warn" if alarms[0].kind == alarms[0].Kind.NEARLY_SPENT else "bad"
    return Todo("alarms", len(alarms), "siren", text, url, _("View"), tone=tone, since=alarms[0].raised_at)


def _gateway(reader: Reader) -> Todo | None:
    since = unreachable_gateways().get(gateway_of(reader.role.enterprise))
    if since is None:
        return None
    text = _("The SMS gateway isn't responding. Messages wait and are sent once it responds.")
    return Todo("gateway", 1, "siren", text, reverse("accounts:message_list"), _("View"), tone="bad", since=since)


def _messages(reader: Reader) -> Todo | None:
    return _todo(
        "messages",
        waiting_messages(reader.role.enterprise),
        "message-square-warning",
        lambda n: ngettext(
            "%(n)s SMS not delivered in the last %(days)s days", "%(n)s SMS not delivered in the last %(days)s days", n
        ),
        reverse("accounts:message_list") + "?waiting=1",
        _("View"),
        tone="bad",
    )


def _applications(reader: Reader) -> Todo | None:
    pending = applications_of(reader.role).filter(state=Application.State.PENDING)
    return _todo(
        "applications",
        pending,
        "user-plus",
        lambda n: ngettext("%(n)s join request waiting for approval", "%(n)s join requests waiting for approval", n),
        reverse("invitations:application_list"),
        _("Review"),
        oldest="created_at",
    )


def _imports(reader: Reader) -> Todo | None:
    return _todo(
        "imports",
        waiting_imports(reader.role),
        "file-up",
        lambda n: ngettext("%(n)s import to confirm, or with errors", "%(n)s imports to confirm, or with errors", n),
        reverse("directory:import_list") + "?waiting=1",
        _("Continue"),
    )


def _bulk_actions(reader: Reader) -> Todo | None:
    return _todo(
        "bulk-actions",
        failed_bulk_actions(reader.role),
        "list-x",
        lambda n: ngettext("%(n)s background task failed", "%(n)s background tasks failed", n),
        reverse("directory:bulk_action_list") + "?waiting=1",
        _("View"),
        tone="bad",
    )


def _uninvited(reader: Reader) -> Todo | None:
    count = reader.funnel.uninvited
    text = ngettext("%(n)s member hasn't been invited yet", "%(n)s members haven't been invited yet", count)
    words, url = text % {"n": show_count(count, count)}, _members_url(reader.role, "uninvited")
    return Todo("uninvited", count, "send", words, url, _("Invite")) if count else None


def _unanswered(reader: Reader) -> Todo | None:
    return _todo(
        "unanswered",
        members_of(reader.role).filter(unanswered()),
        "hourglass",
        lambda n: ngettext(
            "%(n)s invitation expired without an answer, or expires soon",
            "%(n)s invitations expired without an answer, or expire soon",
            n,
        ),
        _members_url(reader.role, "unanswered"),
        _("Invite again"),
    )


def _codes(reader: Reader) -> Todo | None:
    if not reader.funnel.by_code:
        return None
    return _todo(
        "codes",
        members_of(reader.role).filter(without_code()),
        "key-round",
        lambda n: ngettext("%(n)s member needs an activation code", "%(n)s members need an activation code", n),
        reverse("directory:member_list") + "?view=without_code",
        _("View"),
    )


def _links(reader: Reader) -> Todo | None:
    return _todo(
        "expiring-links",
        ending_links(reader.role),
        "link",
        lambda n: ngettext(
            "%(n)s join link expires soon or is nearly used up", "%(n)s join links expire soon or are nearly used up", n
        ),
        reverse("invitations:link_list") + "?waiting=1",
        _("View"),
    )


def _webmail(reader: Reader) -> Todo | None:
    domains = Domain.objects.filter(enterprise=reader.role.enterprise_id, webmail_url="").order_by("name")
    names = list(domains.values_list("name", flat=True))
    text = ngettext(
        "%(names)s has no webmail address, so members can't open their mailbox from here",
        "%(names)s have no webmail address, so members can't open their mailbox from here",
        len(names),
    ) % {"names": _(", ").join(names)}
    return Todo("webmail", len(names), "globe", text, reverse("directory:domain_list"), _("Fill in")) if names else None


def _factors(reader: Reader) -> Todo | None:
    """Only where second factors are required: elsewhere a password may be enough."""
    if not settings.ACCOUNTS_SECOND_FACTOR_REQUIRED:
        return None
    return _todo(
        "factors",
        without_factor(Role.objects.filter(enterprise=reader.role.enterprise_id)),
        "shield",
        lambda n: ngettext(
            "%(n)s administrator without a second factor", "%(n)s administrators without a second factor", n
        ),
        reverse("directory:administrator_list") + "?waiting=1",
        _("View"),
    )


def _members_url(role: Role, view: str) -> str:
    """Return the page on which these members are invited, or only listed."""
    page = "invitations:batch_new" if may(role, Permission.SEND_INVITATIONS) else "directory:member_list"
    return f"{reverse(page)}?view={view}"


def _todo(
    name: str,
    rows: QuerySet[Any],
    icon: str,
    text: Callable[[int], str],
    url: str,
    button: str,
    *,
    oldest: str = "",
    **more: Any,
) -> Todo | None:
    """Return what these rows make, None if there are none. `oldest`: the column with the time of a row."""
    count = count_capped(rows)
    if not count:
        return None
    since = rows.aggregate(since=Min(oldest))["since"] if oldest else None
    words = text(count) % {"n": show_count(count), "days": settings.WAITING_DAYS}
    return Todo(name, count, icon, words, url, button, since=since, **more)


SOURCES = [
    Source(Permission.READ_AUDIT, Permission.READ_AUDIT, _audit),
    Source(Permission.MANAGE_SETTINGS, Permission.MANAGE_SETTINGS, _alarms),
    Source(Permission.READ_MESSAGES, Permission.READ_MESSAGES, _gateway),
    Source(Permission.READ_MESSAGES, Permission.MANAGE_SETTINGS, _messages),
    Source(Permission.READ, Permission.MANAGE_MEMBERS, _applications),
    Source(Permission.READ, Permission.MANAGE_MEMBERS, _imports),
    Source(Permission.READ, Permission.MANAGE_MEMBERS, _bulk_actions),
    Source(Permission.READ, Permission.SEND_INVITATIONS, _uninvited),
    Source(Permission.READ, Permission.SEND_INVITATIONS, _unanswered),
    Source(Permission.READ, Permission.MANAGE_MEMBERS, _codes),
    Source(Permission.READ_SETTINGS, Permission.MANAGE_SETTINGS, _links),
    Source(Permission.MANAGE_SETTINGS, Permission.MANAGE_SETTINGS, _webmail),
    Source(Permission.READ_SETTINGS, Permission.MANAGE_ADMINISTRATORS, _factors),
]
