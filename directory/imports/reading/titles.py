"""Compare a title of a sheet with the headings of the columns, whatever remarks, numbers and scripts it has.

Runs in the child process too: no Django here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache

HEADING_ROWS = 10
# The characters of our headings that differ in Traditional Chinese.
SIMPLIFIED = str.maketrans(
    "帳賬號碼機電郵門職務別網動絡聯話屬員顯稱實啟戶綴後選須單崗業銜",
    "帐账号码机电邮门职务别网动络联话属员显称实启户缀后选须单岗业衔",
)
# Between the two halves of a title in two languages.
LANGUAGE_SEPARATOR = re.compile(r"[/／|\\\n]|(?<=[A-Za-z])\s+(?=[\u3400-\u9fff])|(?<=[\u3400-\u9fff])\s+(?=[A-Za-z])")
# Before the remarks of a title: 手机号，11 位数字.
REMARK_SEPARATOR = re.compile("[,;:，；：]")
NUMERALS = "一二三四五六七八九"
NUMBER = f"([0-9]{{1,2}}|[{NUMERALS}])"
NUMBERED = re.compile(rf"(.+?)(?:[\s_#-]*{NUMBER}|\s*\({NUMBER}\))\s*", re.DOTALL)


@lru_cache(maxsize=1024)
def plain_heading(title: str) -> str:
    """Return a heading as it is compared: in simplified characters, without white space, asterisks and remarks
    (姓名（必填） equals 姓名*)."""
    text = unicodedata.normalize("NFKC", title).casefold().translate(SIMPLIFIED)
    text = re.sub(r"\([^)]*\)|\[[^]]*\]|【[^】]*】", "", text)
    text = "".join(char for char in text if unicodedata.category(char)[0] not in "ZC" and char not in "*:_-")
    return re.sub("(?:必填|选填|required|optional)$", "", text)


def split_number(title: str) -> tuple[str, int]:
    """Split 手机2 into 手机 and 2; the number is 0 if the title ends in none."""
    found = NUMBERED.fullmatch(unicodedata.normalize("NFKC", title))
    if not found:
        return title, 0
    base, number = found[1], found[2] or found[3]
    return base, NUMERALS.index(number) + 1 if number in NUMERALS else int(number)


def known_headings(title: str, known: Container[str]) -> list[str]:
    """Return the known headings that a title consists of: itself, its halves in two languages, or what precedes its
    remarks. Those that name another column are returned too, so that the caller sees the contradiction."""
    if plain_heading(title) in known:
        return [plain_heading(title)]
    first, *remarks = REMARK_SEPARATOR.split(title)
    found = _known(LANGUAGE_SEPARATOR.split(first), known)
    return found + _known(remarks, known) if found else []


def count_columns(titles: Iterable[str], columns: Mapping[str, str]) -> int:
    """Return how many columns, given by their plain headings, the titles of a row name."""
    named = [{columns[heading] for heading in known_headings(split_number(one)[0], columns)} for one in titles]
    return len({name for names in named if len(names) == 1 for name in names})


def _known(titles: Iterable[str], known: Container[str]) -> list[str]:
    return [heading for heading in map(plain_heading, titles) if heading in known]
