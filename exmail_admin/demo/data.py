"""The demo enterprise with generated members. It always uses the file gateway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, count, islice
from random import Random

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts.audit.recording import command_actor, recording
from accounts.models import Enterprise, Role, User
from core.wakeups import without_wakeups
from directory.departments.actions import add_department
from directory.enterprise import open_enterprise
from directory.joining.invitations import invite_members
from directory.members.bulk_insert import NewMember, insert_members
from directory.members.data import MemberData
from directory.members.search_keys import keys_of
from directory.models import Department, Domain, Member
from directory.table_statistics import settle_statistics

NAME = "示例科技有限公司"
DOMAIN = "demo.example"
OWNER_LOGIN = "owner"
MOST_MEMBERS = 1_000_000
MOST_DEPARTMENTS = 10_000
CHILDREN_AT_MOST = 10
INVITED_AT_FIRST = 6
PHONE_BASE = 19900000000
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉秀兰建国文博雨欣浩宇子涵梓萱一诺佳怡思远晓琳俊辉"
POSITIONS = ["工程师", "产品经理", "设计师", "销售经理", "客户主管", "会计", "人事专员", "运营专员", "测试工程师", ""]
TREE = {
    "产品研发中心": ["后端组", "前端组", "测试组", "设计组"],
    "市场部": ["品牌组", "渠道组"],
    "人力资源部": ["招聘组"],
    "财务部": [],
    "客户服务部": [],
}


def open_demo() -> Enterprise:
    """Return the demo enterprise, created by the first call."""
    enterprise = Enterprise.objects.filter(is_demo=True).first()
    if enterprise is None:
        enterprise = open_enterprise(name=NAME, domain=DOMAIN, by=command_actor(), is_demo=True)
        Domain.objects.filter(enterprise=enterprise).update(
            webmail_url="https://mail.demo.example/", imap="imap.demo.example:993", smtp="smtp.demo.example:465"
        )
    return enterprise


def grow_departments(enterprise: Enterprise, wanted: int) -> None:
    """Add departments below the root until there are `wanted`: first those of TREE, then numbered ones."""
    below = Department.objects.filter(enterprise=enterprise, parent__isnull=False)
    with transaction.atomic():
        for parent, name in _new_departments(enterprise, wanted - below.count()):
            add_department(parent, name=name, by=command_actor())


def grow_members(enterprise: Enterprise, wanted: int) -> None:
    """Add members until there are `wanted`. The first call invites some who have not joined."""
    existing = Member.objects.filter(enterprise=enterprise).count()
    if existing >= wanted:
        return
    with recording(enterprise, by=command_actor()) as record:
        ids = insert_members(enterprise, _new_members(enterprise, range(existing, wanted)))
        record("demo_members_added", enterprise, after={"members": len(ids)})
    settle_statistics()
    if not existing:
        pending = Member.objects.filter(enterprise=enterprise, status=Member.Status.PENDING).order_by("pk")
        with without_wakeups():  # the first start fills the demo before the broker runs
            invite_members(pending[:INVITED_AT_FIRST], by=command_actor())


def appoint_owner(enterprise: Enterprise, *, password: str) -> bool:
    """Create the demo's owner. Return False if there is one already, whose password stays."""
    if User.objects.filter(login=OWNER_LOGIN).exists():
        return False
    owner = User.objects.create_user(login=OWNER_LOGIN, password=password, name="示例管理员")
    Role.objects.create(user=owner, enterprise=enterprise, name=Role.Name.OWNER)
    return True


def _new_departments(enterprise: Enterprise, number: int) -> Iterator[tuple[Department, str]]:
    """Yield parent and name of up to `number` new departments, parents before their children."""
    candidates = chain(_tree_departments(enterprise), _numbered_departments(enterprise))
    new = ((parent, name) for parent, name in candidates if not parent.children.filter(name=name).exists())
    return islice(new, max(0, number))


def _tree_departments(enterprise: Enterprise) -> Iterator[tuple[Department, str]]:
    root = Department.objects.get(enterprise=enterprise, parent=None)
    yield from ((root, name) for name in TREE)
    for top, names in TREE.items():
        yield from ((Department.objects.get(parent=root, name=top), name) for name in names)


def _numbered_departments(enterprise: Enterprise) -> Iterator[tuple[Department, str]]:
    """Yield numbered children of each department below the root, those just added included."""
    for index in count():
        parent = Department.objects.filter(enterprise=enterprise, parent__isnull=False).order_by("pk")[index]
        yield from ((parent, f"第{number}组") for number in range(1, CHILDREN_AT_MOST + 1))


def _new_members(enterprise: Enterprise, numbers: range) -> Iterator[NewMember]:
    """Yield a member for each number, always the same: seven of ten have joined, one of ten is disabled."""
    domain = Domain.objects.get(enterprise=enterprise, is_default=True)
    departments = list(
        Department.objects.filter(enterprise=enterprise, parent__isnull=False)
        .order_by("pk")
        .values_list("pk", flat=True)
    ) or [Department.objects.get(enterprise=enterprise, parent=None).pk]
    for start in range(numbers.start, numbers.stop, 5000):
        chunk = range(start, min(start + 5000, numbers.stop))
        drafts = [_draft_member(number, domain, departments) for number in chunk]
        joined = [draft for draft in drafts if draft.status == Member.Status.ACTIVE]
        for draft, user in zip(joined, _new_users(joined), strict=True):
            draft.user = user.pk
        yield from drafts


def _new_users(members: list[NewMember]) -> list[User]:
    password = make_password(None)
    return User.objects.bulk_create(
        User(phone=member.data.phone, name=member.data.name, password=password) for member in members
    )


def _draft_member(number: int, domain: Domain, departments: list[int]) -> NewMember:
    random = Random(number)  # noqa: S311
    name = random.choice(SURNAMES) + "".join(random.choices(GIVEN, k=random.choice([1, 2, 2])))
    prefix = f"{keys_of(name, None).pinyin}{number or ''}"
    status = random.choices(list(Member.Status), weights=[2, 7, 1])[0]
    since = timezone.now() - timedelta(days=random.randrange(1, 90), minutes=random.randrange(1440))
    has_joined = status == Member.Status.ACTIVE
    data = MemberData(
        name=name,
        account=prefix,
        prefix=prefix,
        domain=domain.pk,
        phone=f"+86{PHONE_BASE + number}",
        departments=tuple(dict.fromkeys(random.choices(departments, k=random.choice([1, 1, 1, 2])))),
        position=random.choice(POSITIONS),
    )
    return NewMember(
        data,
        status=status,
        origin='{"by": "demo"}',
        created_at=since,
        invited_at=since if has_joined else None,
        joined_at=since + timedelta(minutes=random.randrange(5, 600)) if has_joined else None,
    )
