"""The columns of the import workbook (interface.md): how each is called, read and written.

A column reads by the very rules of the forms. To add one: an entry in COLUMNS, its field in member_facts, in
holders.read_facts and as_row, and in spool.PLANNED. Nothing here asks the database: what a row is read against is
handed in as `Around`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from directory.domains.addresses import clean_account, clean_domain, clean_prefix, split_address
from directory.imports.problems import Problem, problem_of, problems_of
from directory.imports.reading.reader import WorkbookRefused
from directory.models import Department, Member
from directory.names import clean_department_name, clean_name, clean_position
from sms.phones import PhoneRefused, parse_phone, show_phone

HEADING_ROWS = 10
TEXT_MAX = 1000
# What a spreadsheet shows where a formula failed; as text too, for the failed rows are written as text.
ERRORS = {
    "#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#CONNECT!",
    "#BLOCKED!", "#UNKNOWN!", "#BUSY!", "#EXTERNAL!", "#PYTHON!", "#GETTING_DATA",
}  # fmt: skip
# What we show for a formula that was never worked out; as a text it is refused for the same reason.
UNWORKED = "=…"
# Between the two halves of a title in two languages.
BOTH_TONGUES = re.compile(r"[/／|\\\n]|(?<=[A-Za-z])\s+(?=[\u3400-\u9fff])|(?<=[\u3400-\u9fff])\s+(?=[A-Za-z])")
SCIENTIFIC = re.compile(r"[+-]?\d+(?:\.\d+)?[eE][+]?\d+")
# More zeros at the end than a real number has: it was 1.38E+10 once, and the other digits are lost.
LOST_DIGITS = 10**6

REPEATED = ("domain", "departments", "position", "activation")
READ_MAX = 10_000

Facts = dict[str, Any]


@dataclass
class Around:
    """What a row is read against. `domains` by name; `children` by the parent's id and the folded name."""

    region: str
    domains: Mapping[str, int]
    default_domain: int
    department: int
    department_name: str
    depth: int
    children: Mapping[tuple[int, str], int] = field(default_factory=dict)
    may_create: bool = False
    found: dict[str, int | str] = field(default_factory=dict)
    # What the texts of columns that say the same again and again were read as.
    read: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: {} for name in REPEATED})

    def place(self, path: str) -> int | str:
        """The department's id, or the tidy path of one that is to be created. Raises ValidationError."""
        if path not in self.found:
            self.found[path] = self._search(path)
        return self.found[path]

    def _search(self, path: str) -> int | str:
        names = [name.strip() for name in path.replace("／", "/").split("/") if name.strip()]
        at = self.department
        if names and (at, fold(names[0])) not in self.children and fold(names[0]) == fold(self.department_name):
            names = names[1:]
        for level, name in enumerate(names):
            below = self.children.get((at, fold(name)))
            if below is None:
                return self._missing(path, names, level)
            at = below
        return at

    def _missing(self, path: str, names: list[str], level: int) -> str:
        if not self.may_create:
            raise ValidationError(_("There is no department “%(path)s” here."), params={"path": path.strip()})
        if self.depth + len(names) > Department.MAX_DEPTH:
            limit = {"limit": Department.MAX_DEPTH}
            raise ValidationError(_("Departments can be at most %(limit)d levels deep."), params=limit)
        return "/".join([*names[:level], *(clean_department_name(name) for name in names[level:])])


@dataclass(frozen=True)
class Column:
    """`zh` and `en` are the headings, `also` what other templates call it. `parse` takes the cell's text and what is
    around, and raises ValidationError or PhoneRefused; `write` takes clean facts and is its inverse."""

    name: str
    zh: str
    en: str
    parse: Callable[[str, Around], Any]
    write: Callable[[Facts, Names], str]
    also: tuple[str, ...] = ()
    is_required: bool = False

    def heading(self, language: str) -> str:
        return (self.en if language.startswith("en") else self.zh) + ("*" if self.is_required else "")


@dataclass
class Names:
    """For writing: the text of each domain and the path of each department."""

    domains: Mapping[int, str]
    paths: Mapping[int, str]
    language: str = "zh-hans"


@dataclass(frozen=True)
class Heading:
    """Where the headings stand: the row, the place of each column, all titles as written, and those not understood."""

    row: int
    places: dict[str, int]
    titles: list[str]
    unknown: list[str]

    def values(self, cells: Sequence[Any]) -> dict[str, Any]:
        """The cells of the known columns; those beyond a short row are blank."""
        if len(cells) < self.width:
            cells = [*cells, *[""] * (self.width - len(cells))]
        return dict(zip(self.places, self._chosen(cells), strict=True))

    @cached_property
    def width(self) -> int:
        """How many cells reach from the first column to the last that is known."""
        return max(self.places.values()) + 1

    @cached_property
    def _chosen(self) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        # Of one column it would give no tuple.
        places = list(self.places.values())
        return itemgetter(*places) if len(places) > 1 else lambda cells: (cells[places[0]],)


def fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def text_of(cell: Any) -> str:
    """A cell as the rules take it. Raises ValidationError for what is no text and no number."""
    if type(cell) is str:
        if len(cell) > TEXT_MAX:
            raise ValidationError(_("More than 1,000 characters."))
        if "#" in cell and cell.strip() in ERRORS:
            raise _dead(cell.strip())
        if cell == UNWORKED:
            raise _dead("formula")
        return cell
    match cell:
        case bool():
            raise ValidationError(_("The cell holds TRUE or FALSE, not a text."))
        case int() | float():
            return str(cell)
        case {"dead": why}:
            raise _dead(why)
    raise ValidationError(_("The cell holds a date or a time: format it as text."))


def _dead(why: str) -> ValidationError:
    """Of a cell without a value: "formula", or the error as the spreadsheet shows it."""
    if why == "formula":
        return ValidationError(_("The formula has no value: open the file in a spreadsheet program and save it there."))
    if why in ERRORS:
        return ValidationError(_("The cell holds an error: %(error)s"), params={"error": why})
    return ValidationError(_("The cell holds an error."))


def show_cell(cell: Any) -> str:
    """A cell as a person reads it."""
    match cell:
        case bool():
            return str(cell).upper()
        case {"dead": why}:
            return UNWORKED if why == "formula" else why if why in ERRORS else "#VALUE!"
        case {"date": text} | {"time": text}:
            return str(text)
    return str(cell)


def find_heading(rows: Iterable[tuple[int, Sequence[Any]]], *, is_update: bool) -> Heading:
    """In one of the first 10 rows of the sheet. Raises WorkbookRefused."""
    candidates = [(number, _match(cells)) for number, cells in rows if number <= HEADING_ROWS]
    known = [(number, matched) for number, matched in candidates if len(matched.places) >= 2]
    if not known:
        # One lone heading is worth telling what else is missing.
        known = [(number, matched) for number, matched in candidates if matched.places][:1]
    if not known:
        raise WorkbookRefused("no_heading")
    (number, matched), *more = known
    if more and len(more[0][1].places) * 2 > len(more[0][1].titles_written):
        raise WorkbookRefused("headings_twice", f"{number}, {more[0][0]}")
    if matched.twice:
        raise WorkbookRefused("heading_twice", ", ".join(matched.twice))
    if missing := _missing(matched.places, is_update=is_update):
        raise WorkbookRefused("heading_missing", ", ".join(missing))
    return Heading(number, matched.places, matched.titles, matched.unknown)


@dataclass
class _Matched:
    titles: list[str]
    places: dict[str, int] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def titles_written(self) -> list[str]:
        return [title for title in self.titles if title]


def _match(cells: Sequence[Any]) -> _Matched:
    matched = _Matched([show_cell(cell).strip() for cell in cells])
    for place, title in enumerate(matched.titles):
        name = EXACT.get(_heading_key(title))
        if name in matched.places:
            matched.twice.append(title)
        elif name:
            matched.places[name] = place
    # Of several words for one column the first of its list wins: 企业邮箱 before 邮箱, wherever they stand.
    loose = sorted((rank, place, name) for place, title in enumerate(matched.titles) for rank, name in _loosely(title))
    for _rank, place, name in loose:
        if name not in matched.places and place not in matched.places.values():
            matched.places[name] = place
    known = matched.places.values()
    rest = [title for place, title in enumerate(matched.titles) if title and place not in known]
    matched.unknown = [title for title in rest if _heading_key(title) not in SILENT]
    return matched


def _loosely(title: str) -> list[tuple[int, str]]:
    """The column that a title means by another word, or in two languages at once (姓名/Name), with its rank."""
    key = _heading_key(title)
    halves = [key] if key in LOOSE else map(_heading_key, BOTH_TONGUES.split(title))
    found = {LOOSE[half] for half in halves if half in LOOSE}
    return list(found) if len({name for _rank, name in found}) == 1 else []


def _missing(places: Mapping[str, int], *, is_update: bool) -> list[str]:
    """An update needs only something to know each member by."""
    if is_update and ("account" in places or "prefix" in places):
        return []
    return [f"{column.zh}/{column.en}" for column in COLUMNS if column.is_required and column.name not in places]


@lru_cache(maxsize=1024)
def _heading_key(title: str) -> str:
    """Without blanks, stars and what is said in brackets: 姓名（必填） is 姓名*."""
    text = unicodedata.normalize("NFKC", title).casefold()
    text = re.sub(r"\([^)]*\)|\[[^]]*\]|【[^】]*】", "", text)
    text = "".join(sign for sign in text if unicodedata.category(sign)[0] not in "ZC" and sign not in "*:_-")
    return re.sub("(?:必填|选填|required|optional)$", "", text)


def _parse_address(text: str, around: Around) -> tuple[str, int | None]:
    """The prefix, and the domain's id where a whole address was written."""
    if text.isascii() and "@" not in text:
        return clean_prefix(text), None
    local, name = split_address(text)
    return clean_prefix(local if name else text), _domain(name, around) if name else None


def _parse_domain(text: str, around: Around) -> int:
    return _domain(text, around)


def _domain(name: str, around: Around) -> int:
    id = around.domains.get(name) or around.domains.get(clean_domain(name))
    if id is None:
        raise ValidationError(_("%(domain)s is not a domain of this enterprise."), params={"domain": name.strip()})
    return id


def _parse_phone(text: str, around: Around) -> str:
    if SCIENTIFIC.fullmatch(text.strip()):
        raise PhoneRefused(_lost_digits())
    return parse_phone(text, around.region)


def _lost_digits() -> str:
    return _("The number lost its digits to scientific notation: format the column as text and enter it again.")


def _parse_departments(text: str, around: Around) -> list[int | str]:
    """Paths below the chosen department, parted by semicolons; the first is the main one."""
    places = [around.place(path) for path in re.split("[;；]", text) if path.strip()]
    kept = list(dict.fromkeys(places)) or [around.department]
    if len(kept) > Member.MAX_DEPARTMENTS:
        limit = {"limit": Member.MAX_DEPARTMENTS}
        raise ValidationError(_("A member stands in at most %(limit)d departments."), params=limit)
    return kept


def _parse_activation(text: str, _around: Around) -> str:
    kind = ACTIVATIONS.get(_heading_key(text))
    if not kind:
        raise ValidationError(_("Write 手机号 (phone) or 激活码 (code)."))
    return kind


def _parse_aliases(text: str, around: Around) -> list[tuple[str, int | None]]:
    aliases = list(dict.fromkeys(_parse_address(one, around) for one in re.split(r"[;；,，、\s]", text) if one.strip()))
    if len(aliases) > Member.MAX_ALIASES:
        raise ValidationError(_("A member has at most %(limit)d aliases."), params={"limit": Member.MAX_ALIASES})
    return aliases


def _write_departments(facts: Facts, names: Names) -> str:
    return "; ".join(names.paths[one] or "/" for one in facts["departments"])


def _write_activation(facts: Facts, names: Names) -> str:
    words = {"phone": ("手机号", "phone"), "code": ("激活码", "code")}[facts["activation"]]
    return words[1 if names.language.startswith("en") else 0]


COLUMNS = [
    Column("name", "姓名", "Name", lambda text, _around: clean_name(text), lambda facts, _names: facts["name"],
           ("显示名称", "员工姓名", "成员姓名", "真实姓名", "display name", "full name", "名字"), is_required=True),
    Column("prefix", "邮箱前缀", "Mailbox prefix", _parse_address, lambda facts, _names: facts["prefix"],
           ("企业邮箱", "公司邮箱", "工作邮箱", "邮箱", "邮箱地址", "邮箱帐号", "邮箱账号", "电子邮箱", "电子邮件", 
            "邮件地址", "work email", "email", "email address", "mailbox", "user principal name", "user name",
            "用户名"), is_required=True),
    Column("domain", "域名", "Domain", _parse_domain, lambda facts, names: names.domains[facts["domain"]],
           ("邮箱域名", "邮箱后缀", "mail domain", "email domain")),
    Column("account", "帐号", "Account", lambda text, _around: clean_account(text),
           lambda facts, _names: facts["account"], ("账号", "成员帐号", "成员账号", "员工userid", "userid")),
    Column("phone", "手机号", "Phone", _parse_phone, lambda facts, _names: show_plain_phone(facts["phone"]),
           ("手机", "手机号码", "移动电话", "mobile", "mobile phone", "mobile number", "cell phone", "phone number", 
            "联系电话", "电话号码", "电话")),
    Column("departments", "部门", "Department", _parse_departments, _write_departments,
           ("所属部门", "所在部门", "部门名称", "departments", "org unit path")),
    Column("position", "职务", "Position", lambda text, _around: clean_position(text),
           lambda facts, _names: facts["position"], ("职位", "岗位", "job title", "employee title", "title")),
    Column("activation", "激活方式", "Activation", _parse_activation, _write_activation, ("成员激活方式",)),
    Column("aliases", "别名", "Aliases", _parse_aliases,
           lambda facts, names: "; ".join(f"{local}@{names.domains[domain]}" for local, domain in facts["aliases"]),
           ("邮箱别名", "email aliases", "alias")),
]  # fmt: skip
BY_NAME = {column.name: column for column in COLUMNS}
REASON = ("原因", "Reason")
STATUS = ("状态", "Status")
# The sheets of our template beside the table.
LISTS, GUIDANCE = ("选项", "Lists"), ("填写说明", "Guidance")
ACTIVATIONS = {
    **dict.fromkeys(("手机号", "手机", "用手机号激活", "手机号激活", "phone", "byphone"), "phone"),
    **dict.fromkeys(("激活码", "用激活码激活", "激活码激活", "code", "byactivationcode", "activationcode"), "code"),
}
EXACT = {_heading_key(title): column.name for column in COLUMNS for title in (column.zh, column.en)}
# By rank; the headings themselves come first, for one half of 姓名/Name is enough.
LOOSE = {
    _heading_key(title): (rank, column.name)
    for column in COLUMNS
    for rank, title in enumerate((column.zh, column.en, *column.also))
}
# Columns of our own workbooks that are for reading only.
SILENT = {_heading_key(title) for title in (*REASON, *STATUS)}
EXAMPLES: dict[str, dict[str, str]] = {
    "zh-hans": {
        "name": "张三（示例）", "prefix": "zhangsan.example", "domain": "", "account": "", "phone": "13800138000",
        "departments": "市场部/华东组", "position": "客户经理", "activation": "手机号", "aliases": "",
    },
    "en": {
        "name": "Jane Doe (example)", "prefix": "jane.example", "domain": "", "account": "", "phone": "13800138000",
        "departments": "Sales/East", "position": "Account manager", "activation": "phone", "aliases": "",
    },
}  # fmt: skip


EXAMPLE_NAMES = [example["name"] for example in EXAMPLES.values()]


def show_plain_phone(phone: str | None) -> str:
    """Without blanks, the country code only abroad: as people keep it in their sheets."""
    return (phone or "").removeprefix("+86")


def is_example(values: Mapping[str, Any]) -> bool:
    """Only while every cell is the template's."""
    return values.get("name") in EXAMPLE_NAMES and any(
        len(values) == len(example) and all(values.get(name) == text for name, text in example.items())
        for example in EXAMPLES.values()
    )


@dataclass(slots=True)
class Parsed:
    """One row: the facts it states (columns that are absent or blank state none), what is wrong, what was tidied."""

    facts: Facts = field(default_factory=dict)
    blank: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)

    def refuse(self, column: str, text: str, params: Mapping[str, Any] | None = None) -> None:
        self.problems.append(problem_of(column, text, params))


def parse_row(values: Mapping[str, Any], around: Around) -> Parsed:
    """Every column by its rule; all that is wrong is told, not only the first."""
    parsed = Parsed()
    for name, cell in values.items():
        if cell == "":
            parsed.blank.add(name)
            continue
        read = around.read.get(name)
        if read is not None and type(cell) is str and cell in read:
            parsed.facts[name] = read[cell]
            continue
        try:
            parsed.facts[name] = _parse_cell(BY_NAME[name], cell, around, parsed)
        except (ValidationError, PhoneRefused) as refused:
            parsed.problems += problems_of(name, refused)
    return parsed


def _parse_cell(column: Column, cell: Any, around: Around, parsed: Parsed) -> Any:
    if column.name == "phone" and type(cell) in {int, float} and (cell % LOST_DIGITS == 0 or type(cell) is float):
        raise PhoneRefused(_lost_digits())
    text = text_of(cell)
    value = column.parse(text, around)
    if column.name in TIDIED and value != text and text not in _as_kept(column.name, value):
        tidy = TIDIED[column.name](value)
        if tidy != text.strip() and "@" not in text:
            parsed.notes.append({"kind": "repair", "column": column.name, "from": text, "to": tidy})
        return value
    read = around.read.get(column.name)
    if read is not None and len(read) < READ_MAX:
        read[text] = value
    return value


def _as_kept(column: str, value: Any) -> tuple[str, ...]:
    return (value, value[3:]) if column == "phone" else (value[0],) if column == "prefix" else (value,)


TIDIED: dict[str, Callable[[Any], str]] = {
    "name": str,
    "account": str,
    "position": str,
    "prefix": lambda value: value[0],
    "phone": show_phone,
}
