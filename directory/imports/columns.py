"""The columns of the import workbook (interface.md): how each reads, writes, compares and shows a field of MemberData.

Reading a cell follows the rules of the forms and queries nothing: what a row depends on is in `ParseContext`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from directory.domains.addresses import clean_account, clean_domain, clean_prefix, split_address
from directory.imports.reading.cells import text_of
from directory.imports.reading.titles import plain_heading
from directory.members.data import (
    CODE,
    FIELDS,
    PHONE,
    Labels,
    MemberData,
    check_aliases,
    check_departments,
    clean_phone,
    split_aliases,
)
from directory.models import Department, Member
from directory.names import clean_department_name, clean_name, clean_position
from sms.phones import show_phone

SCIENTIFIC = re.compile(r"[+-]?\d+(?:\.\d+)?[eE][+]?\d+")
# No mobile number ends in six zeros: such a cell was 1.38E+10 once, and the other digits are lost.
LOST_DIGITS = 10**6
CACHED_MAX = 10_000
# With what people separate departments, and what a department's name may contain.
OTHER_SEPARATORS = re.compile("[,，、\r\n]")
# Headings of our own workbooks that an import ignores without a remark; in Chinese and English.
REASON, STATUS = ("原因", "Reason"), ("状态", "Status")


@dataclass
class ParseContext:
    """What the rows of an import are read against. `domains` are ids by name, `children` department ids by the parent's
    id and the folded name, `names` theirs by id; `department` is where the import puts members, `depth` its depth."""

    region: str
    domains: Mapping[str, int]
    default_domain: int
    department: int
    department_name: str
    depth: int
    children: Mapping[tuple[int, str], int] = field(default_factory=dict)
    may_create: bool = False
    found: dict[str, int | str] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    # By path as stated, the path as the departments are spelled.
    understood: dict[str, str] = field(default_factory=dict)
    # The paths that are to be created, by their folded form.
    created: dict[str, str] = field(default_factory=dict)
    # By column, the values of texts that are repeated in many rows.
    cache: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {column.name: {} for column in COLUMNS if column.is_repeated}
    )

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The values of a member of whom a row states nothing."""
        return {name: BY_NAME[name].default(self) for name in FIELDS}

    def find_domain(self, name: str) -> int:
        id = self.domains.get(name) or self.domains.get(clean_domain(name))
        if id is None:
            raise ValidationError(_("%(domain)s is not a domain of this enterprise."), params={"domain": name.strip()})
        return id

    def find_department(self, path: str) -> int | str:
        """Return the department's id, or the normalised path of one that is to be created. Raises ValidationError."""
        if path not in self.found:
            self.found[path] = self._search(path)
        return self.found[path]

    def name_of_domain(self, id: int) -> str:
        return next(name for name, domain in self.domains.items() if domain == id)

    def missing_levels(self, path: str) -> list[str]:
        """Return the path that `find_department` returned, and those above it, as far as they don't exist."""
        at: int | None = self.department
        missing, names = [], path.split("/")
        for level, name in enumerate(names, start=1):
            at = self.children.get((at, fold(name))) if at else None
            if at is None:
                missing.append("/".join(names[:level]))
        return missing

    def _search(self, path: str) -> int | str:
        at, names, found = self._follow(path)
        result = at if found == len(names) else self._missing(path, names, found)
        top = [self.department_name] * (len(split_path(path.replace("／", "/"))) - len(names))
        self.understood[path] = "/".join([*top, *(result.split("/") if isinstance(result, str) else names)])
        return result

    def _follow(self, path: str) -> tuple[int, list[str], int]:
        """Return the last department on the path that exists, the path's names as departments are spelled, and how many
        of them exist."""
        names = split_path(path.replace("／", "/"))
        at = self.department
        if names and (at, fold(names[0])) not in self.children and fold(names[0]) == fold(self.department_name):
            names = names[1:]
        for level, name in enumerate(names):
            below = self.children.get((at, fold(name)))
            if below is None:
                return at, names, level
            at, names[level] = below, self.names.get(below, name)
        return at, names, len(names)

    def _missing(self, path: str, names: list[str], level: int) -> str:
        if self.is_list(path):
            raise departments_unseparated()
        if not self.may_create:
            raise ValidationError(_("There is no department “%(path)s” here."), params={"path": path.strip()})
        if self.depth + len(names) > Department.MAX_DEPTH:
            limit = {"limit": Department.MAX_DEPTH}
            raise ValidationError(_("Departments can be up to %(limit)d levels deep."), params=limit)
        created = "/".join([*names[:level], *(clean_department_name(name) for name in names[level:])])
        return self.created.setdefault(fold(created), created)

    def is_list(self, path: str) -> bool:
        """True if commas or line breaks separate departments that all exist, or are to be created so far."""
        followed = [self._follow(part) for part in OTHER_SEPARATORS.split(path) if part.strip()]
        return len(followed) > 1 and all(
            found == len(names) or fold("/".join(names)) in self.created for _at, names, found in followed
        )


@dataclass(frozen=True)
class Column:
    """A column, and the field of MemberData with its `name`.

    Pairs are Chinese and English; `aliases` are headings of other programs, the best first. In an update a blank cell
    empties the field if `is_clearable`, else leaves it. The values of an `is_repeated` column are cached.
    """

    name: str
    headings: tuple[str, str]
    guidance: str | Promise
    aliases: tuple[str, ...] = ()
    examples: tuple[str, str] = ("", "")
    is_required: bool = False
    is_clearable: bool = False
    is_repeated: bool = False
    width: int = 18

    def heading(self, language: str) -> str:
        return in_language(self.headings, language) + ("*" if self.is_required else "")

    def default(self, context: ParseContext) -> Any:
        return ""

    text_of = staticmethod(text_of)

    def read(self, text: str, context: ParseContext) -> Any:
        """Return the value. Raises ValidationError."""
        raise NotImplementedError

    def repaired(self, text: str, value: Any, context: ParseContext) -> str:
        """Return how the value reads if that is worth a note because `text` reads differently; else ""."""
        return ""

    def write(self, data: MemberData, labels: Labels) -> str:
        """Return the cell of a workbook, which `read` understands."""
        return self.show(getattr(data, self.name), labels)

    def is_same(self, one: Any, other: Any) -> bool:
        """Compare two values that are not equal."""
        return False

    def show(self, value: Any, labels: Labels) -> str:
        """Return the value as a person reads it."""
        return str(value)


@dataclass(frozen=True)
class TextColumn(Column):
    """Reads text by `rule`, which returns the value or raises ValidationError."""

    rule: Callable[[str], Any] = str

    def read(self, text: str, context: ParseContext) -> Any:
        return self.rule(text)

    def repaired(self, text: str, value: Any, context: ParseContext) -> str:
        return "" if value == text or value == text.strip() else str(value)


@dataclass(frozen=True)
class PrefixColumn(TextColumn):
    """Reads the prefix and, where the cell holds a whole address, the domain's id."""

    def read(self, text: str, context: ParseContext) -> tuple[str, int | None]:
        return read_address(text, context)

    def repaired(self, text: str, value: Any, context: ParseContext) -> str:
        return "" if value[0] == text else repaired_addresses([text.strip()], [value], context)


@dataclass(frozen=True)
class DomainColumn(Column):
    def default(self, context: ParseContext) -> int:
        return context.default_domain

    def read(self, text: str, context: ParseContext) -> int:
        return context.find_domain(text)

    def repaired(self, text: str, value: int, context: ParseContext) -> str:
        name = context.name_of_domain(value)
        return "" if text.strip().lower() == name else name

    def show(self, value: int, labels: Labels) -> str:
        return labels.domains[value]


@dataclass(frozen=True)
class PhoneColumn(TextColumn):
    def default(self, context: ParseContext) -> None:
        return None

    def text_of(self, cell: Any) -> str:
        if type(cell) is float or (type(cell) is int and cell % LOST_DIGITS == 0):
            raise _lost_digits()
        return text_of(cell)

    def read(self, text: str, context: ParseContext) -> str:
        if SCIENTIFIC.fullmatch(text.strip()):
            raise _lost_digits()
        return clean_phone(text, context.region)

    def repaired(self, text: str, value: Any, context: ParseContext) -> str:
        return "" if text == value[3:] or text == value else super().repaired(text, show_phone(value), context)

    def write(self, data: MemberData, labels: Labels) -> str:
        """As people write it in their sheets: without blanks, and with the country code only abroad."""
        return (data.phone or "").removeprefix("+86")

    def show(self, value: str | None, labels: Labels) -> str:
        return show_phone(value)


@dataclass(frozen=True)
class DepartmentsColumn(Column):
    """Paths below the import's department, separated by semicolons; the first is the main department."""

    def default(self, context: ParseContext) -> tuple[int, ...]:
        return (context.department,)

    def read(self, text: str, context: ParseContext) -> tuple[int | str, ...]:
        return check_departments(map(context.find_department, self._split(text))) or (context.department,)

    def repaired(self, text: str, value: Any, context: ParseContext) -> str:
        stated = self._split(text)
        understood = [context.understood[path] for path in stated]
        return "" if understood == ["/".join(split_path(path)) for path in stated] else "; ".join(understood)

    def _split(self, text: str) -> list[str]:
        return [path for path in re.split("[;；]", text) if path.strip()]

    def write(self, data: MemberData, labels: Labels) -> str:
        return "; ".join(labels.departments[id] or "/" for id in data.departments)

    def is_same(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        """Ignore the order of all but the main department."""
        return one[:1] == other[:1] and set(one) == set(other)

    def show(self, value: tuple[int | str, ...], labels: Labels) -> str:
        return "; ".join(one if isinstance(one, str) else labels.departments.get(one, "…") for one in value)


@dataclass(frozen=True)
class ActivationColumn(Column):
    words = {PHONE: ("手机号", "phone"), CODE: ("激活码", "code")}
    others = {
        PHONE: ("手机", "用手机号激活", "手机号激活", "by phone"),
        CODE: ("用激活码激活", "激活码激活", "by activation code", "activation code"),
    }

    def default(self, context: ParseContext) -> str:
        return PHONE

    def choices(self, language: str) -> list[str]:
        return [in_language(pair, language) for pair in self.words.values()]

    def read(self, text: str, context: ParseContext) -> str:
        key = plain_heading(text)
        for activation, pair in self.words.items():
            if key in map(plain_heading, (*pair, *self.others[activation])):
                return activation
        raise ValidationError(_("Enter 手机号 (phone) or 激活码 (code)."))

    def write(self, data: MemberData, labels: Labels) -> str:
        return in_language(self.words[data.activation], labels.language)

    def show(self, value: str, labels: Labels) -> str:
        return str(Member.Activation(value).label)


@dataclass(frozen=True)
class AliasesColumn(Column):
    """Reads pairs of local part and, where a whole address is written, the domain's id."""

    def default(self, context: ParseContext) -> tuple[tuple[str, int], ...]:
        return ()

    def read(self, text: str, context: ParseContext) -> tuple[tuple[str, int | None], ...]:
        return check_aliases(read_address(alias, context) for alias in split_aliases(text))

    def repaired(self, text: str, value: Any, context: ParseContext) -> str:
        return repaired_addresses(list(dict.fromkeys(split_aliases(text))), value, context)

    def is_same(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        return sorted(one) == sorted(other)

    def show(self, value: tuple[tuple[str, int], ...], labels: Labels) -> str:
        return "; ".join(labels.address(*alias) for alias in value)


def fold(name: str) -> str:
    """Return a department's name as it is compared: ＩＴ部 equals it部."""
    return unicodedata.normalize("NFKC", name).casefold()


def split_path(path: str) -> list[str]:
    return [name.strip() for name in path.split("/") if name.strip()]


def in_language(pair: tuple[str, str], language: str) -> str:
    """Return the Chinese or the English half."""
    return pair[1 if language.startswith("en") else 0]


def read_address(text: str, context: ParseContext) -> tuple[str, int | None]:
    """Return the local part, and the domain's id if a whole address is written."""
    if text.isascii() and "@" not in text:
        return clean_prefix(text), None
    local, name = split_address(text)
    return clean_prefix(local if name else text), context.find_domain(name) if name else None


def repaired_addresses(
    stated: Sequence[str], understood: Iterable[tuple[str, int | None]], context: ParseContext
) -> str:
    """Return the addresses as understood if they read differently but for the case of a domain; else ""."""
    shown = [f"{local}@{context.name_of_domain(id)}" if id else local for local, id in understood]
    plain = [local + at + domain.lower() for local, at, domain in (text.partition("@") for text in stated)]
    return "" if shown == plain else "; ".join(shown)


def differing(before: MemberData, after: MemberData) -> list[Column]:
    """Return the columns in which the two differ."""
    return [
        column
        for column, one, other in zip(COLUMNS_BY_FIELD, before, after, strict=True)
        if one != other and not column.is_same(one, other)
    ]


def departments_unseparated() -> ValidationError:
    return ValidationError(_("Separate several departments with “;”."))


def _lost_digits() -> ValidationError:
    return ValidationError(
        _("The number lost digits to scientific notation. Format the column as text and enter it again.")
    )


COLUMNS: list[Column] = [
    TextColumn(
        "name", ("姓名", "Name"), gettext_lazy("Required. 1 to 64 characters."),
        ("显示名称", "员工姓名", "成员姓名", "真实姓名", "中文姓名", "用户姓名", "display name", "full name",
         "employee name", "名字"),
        ("张三（示例）", "Jane Doe (example)"), is_required=True, rule=clean_name,
    ),
    PrefixColumn(
        "prefix", ("邮箱前缀", "Mailbox prefix"),
        gettext_lazy("Required. The part before the @: letters, digits, periods, hyphens, and underscores."),
        ("企业邮箱", "企业邮箱帐号", "企业邮箱账号", "企业邮箱地址", "公司邮箱", "工作邮箱", "邮箱", "邮箱地址",
         "邮箱帐号", "邮箱账号", "电子邮箱", "电子邮件", "邮件地址", "电子邮件地址", "电邮", "电邮地址", "企业信箱",
         "电子信箱", "电子邮件信箱", "公司信箱", "信箱", "business email", "company email", "corporate email",
         "work email", "email", "email address", "mailbox", "user principal name", "user name", "用户名", "使用者名称"),
        examples=("zhangsan.example", "jane.example"), is_required=True,
    ),
    DomainColumn(
        "domain", ("域名", "Domain"), gettext_lazy("Leave empty to use the enterprise's default domain."),
        ("邮箱域名", "邮箱后缀", "网域", "mail domain", "email domain"), is_repeated=True,
    ),
    TextColumn(
        "account", ("帐号", "Account"),
        gettext_lazy("Leave empty to use the mailbox prefix or, if that is taken, the full address."),
        ("账号", "成员帐号", "成员账号", "帐户", "账户", "员工userid", "userid"), rule=clean_account,
    ),
    PhoneColumn(
        "phone", ("手机号", "Phone"),
        gettext_lazy("Required if the member joins by phone. Keep the cells formatted as text. For numbers "
                     "outside mainland China, use the format +1 650 253 0000."),
        ("手机", "手机号码", "移动电话", "移动电话号码", "mobile", "mobile phone", "mobile number", "cell phone",
         "phone number", "行动电话", "行动电话号码", "流动电话", "流动电话号码", "联系电话", "联络电话", "电话号码",
         "电话"),
        examples=("13800138000", "13800138000"), is_clearable=True,
    ),
    DepartmentsColumn(
        "departments", ("部门", "Department"),
        gettext_lazy("A path below the selected department: A/B/C. Separate several with “;”. The first is "
                     "the main department."),
        ("所属部门", "所在部门", "部门名称", "departments", "org unit path"), examples=("市场部/华东组", "Sales/East"),
        is_clearable=True, is_repeated=True, width=28,
    ),
    TextColumn(
        "position", ("职务", "Position"), gettext_lazy("Up to 128 characters."),
        ("职位", "职称", "职衔", "岗位", "job title", "employee title", "title"), ("客户经理", "Account manager"),
        is_clearable=True, is_repeated=True, rule=clean_position,
    ),
    ActivationColumn(
        "activation", ("激活方式", "Activation"),
        gettext_lazy("手机号 (phone, default) or 激活码 (code, for staff without a phone)."),
        ("成员激活方式", "启用方式"), examples=("手机号", "phone"), is_repeated=True,
    ),
    AliasesColumn(
        "aliases", ("别名", "Aliases"), gettext_lazy("Up to 5, separated by “;”."),
        ("企业邮箱别名", "邮箱别名", "email aliases", "alias"), is_clearable=True, width=28,
    ),
]  # fmt: skip
BY_NAME = {column.name: column for column in COLUMNS}
COLUMNS_BY_FIELD = [BY_NAME[name] for name in FIELDS]
