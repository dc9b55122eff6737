"""Names as people type them: what is repaired, and what is refused with its position and code point."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from core.text_rules import clean_enterprise_name
from directory.models import Member
from directory.names import clean_department_name, clean_name, clean_position
from directory.tests.imports.test_catalogue import cells, look

__all__ = ["look"]

pytestmark = pytest.mark.usefixtures("_in_english")
RULES = [clean_name, clean_position, clean_department_name, clean_enterprise_name]
BLANKS = ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"]


@pytest.fixture
def _in_english():
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [("张⼦明", "张子明"), ("⻢云", "马云"), ("⻓孙⽆忌", "长孙无忌"), ("⿕", "龠"), ("⺟", "母")],
)
def test_radicals_become_hanzi(typed, cleaned):
    assert [rule(typed) for rule in RULES] == [cleaned] * len(RULES)


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [("张 三", "张三"), ("张\u3000三", "张三"), ("欧 阳\u2003娜", "欧阳娜"), ("𠮷 野", "𠮷野"), ("张  三丰", "张三丰")],
)
def test_a_blank_inside_two_or_three_hanzi_goes(typed, cleaned):
    assert clean_name(typed) == cleaned
    assert clean_position(typed) != cleaned


@pytest.mark.parametrize(
    "name", ["欧阳 娜娜", "Li 明", "张 A", "Jean-Luc O’Connor", "阿凡提·买买提", "王😀", "ᄒ\u1161\u11ab", "각"]
)
def test_other_names_are_kept(name):
    assert clean_name(name) in {name, "한"}


@pytest.mark.parametrize(
    "end", ["\u200b", "\ufeff", "\u200e", "\u200f", "\u202c", "\u2069", "\u00ad", *BLANKS, " \u200b\u3164 "]
)
@pytest.mark.parametrize("rule", RULES)
def test_invisible_characters_at_an_end_are_trimmed(rule, end):
    assert [rule(f"张三{end}"), rule(f"{end}张三"), rule(f"{end}张三{end}")] == ["张三"] * 3


@pytest.mark.parametrize("text", [*BLANKS, "\u3164\u2800", "\u200b", "\u3164 \u115f", "\u3164\u0301"])
@pytest.mark.parametrize("rule", [clean_name, clean_department_name, clean_enterprise_name])
def test_a_name_needs_something_visible(rule, text):
    with pytest.raises(ValidationError) as raised:
        rule(text)
    assert raised.value.messages == ["Enter visible text."]


def test_a_blank_name_is_missing():
    for text in ("", " ", "\u3000", "\xa0\n"):
        with pytest.raises(ValidationError, match="Enter the name"):
            clean_name(text)


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("张\u200b三", 2, "U+200B"), ("Ann\u202eLee", 4, "U+202E"), ("张三\u3164丰", 3, "U+3164"),
        ("a\x00b", 2, "U+0000"),
        ("张三\u202e", 3, "U+202E"), ("张三\x00", 3, "U+0000"),
        ("a\ufffeb", 2, "U+FFFE"), ("a\ud800b", 2, "U+D800"), ("a\u202db", 2, "U+202D"),
        ("😀\U000e0041b", 2, "U+E0041"), ("a\u2800b", 2, "U+2800"),
    ],
)  # fmt: skip
def test_an_invisible_character_inside_is_shown_by_position_and_code_point(text, place, code):
    for rule in (clean_name, clean_department_name, clean_enterprise_name):
        with pytest.raises(ValidationError) as raised:
            rule(text)
        (message,) = raised.value.messages
        assert code in message
        assert str(place) in message


def test_line_breaks_in_a_position_become_one_blank():
    for text in ("经理\n主管", "经理\r\n主管", "经理 \r\n\r\n 主管\n", "经理\t主管", "经理\u2028主管", "经理\x0b主管"):
        assert clean_position(text) == "经理 主管"
    with pytest.raises(ValidationError):
        clean_name("张三\n李四")


@pytest.mark.parametrize(
    ("column", "typed", "shown", "value"),
    [
        ("name", "张三\u200b", "张三[U+200B]", "张三"), ("name", "\ufeff张三", "[U+FEFF]张三", "张三"),
        ("name", "张三\u3164", "张三[U+3164]", "张三"), ("name", "张 三", "张 三", "张三"),
        ("name", "张⼦明", "张⼦明", "张子明"), ("position", "经理\n主管", "经理\n主管", "经理 主管"),
        ("position", "经理\u200e", "经理[U+200E]", "经理"),
    ],
)  # fmt: skip
def test_an_import_notes_the_repair(look, column, typed, shown, value):
    (row,) = look(cells(**{column: typed})).rows
    assert row.verdict == "new"
    assert row.notes == [{"kind": "repair", "column": column, "from": shown, "to": value}]


@pytest.mark.parametrize("typed", ["张三", " 张三 ", "Jean-Luc", "阿凡提·买买提"])
def test_an_import_has_nothing_to_note(look, typed):
    (row,) = look(cells(name=typed)).rows
    assert (row.verdict, row.notes) == ("new", [])
    assert not Member.objects.exists()
