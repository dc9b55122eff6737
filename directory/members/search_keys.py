"""The keys by which members are sorted and found: pinyin, initials, and the reversed phone.

Pinyin is looked up character by character: a dictionary of phrases misreads names (曾国藩 as ceng…).
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from pypinyin import Style, pinyin

PINYIN_MAX = 400
INITIALS_MAX = 64
OTHER_READINGS_MAX = 6

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


class Reading(NamedTuple):
    """One way to read a name: `zhangwei`, `zw`."""

    pinyin: str
    initials: str


class Keys(NamedTuple):
    """The columns of a member by which the list sorts and the search looks."""

    pinyin: str
    initials: str
    phone_reversed: str | None


def keys_of(name: str, phone: str | None) -> Keys:
    """Return the keys of a member; `phone` is E.164."""
    usual, _others = _all_readings(name)
    return Keys(usual.pinyin, usual.initials, reverse_phone(phone) if phone else None)


def other_readings(name: str) -> list[Reading]:
    """Return the other readings of single characters, and the later words of a Latin name: six at most."""
    return _all_readings(name)[1]


def reverse_phone(phone: str) -> str:
    """Return the digits in reverse, so that the last digits are a prefix."""
    return phone.removeprefix("+")[::-1]


def plain(text: str) -> str:
    """Return a text as it is compared: full-width as ASCII, lower case, without invisible characters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isprintable():
        return folded.strip()
    return "".join(char for char in folded if unicodedata.category(char) not in {"Cc", "Cf", "Cs"}).strip()


@lru_cache(maxsize=8192)
def _all_readings(name: str) -> tuple[Reading, list[Reading]]:
    """Return the usual reading and the others. Cached: names are repeated, and each is needed twice."""
    syllables = _syllables(name)
    usual_readings = [said[0] for said in syllables]
    usual = _join(usual_readings)
    others = [
        _join([*usual_readings[:index], other, *usual_readings[index + 1 :]])
        for index, said in enumerate(syllables)
        for other in said[1:]
    ]
    words = [_join([said[0] for said in _syllables(rest)]) for rest in _later_words(name)]
    if not words and not others:
        return usual, []
    different = dict.fromkeys(reading for reading in [*words, *others] if reading != usual)
    return usual, list(different)[:OTHER_READINGS_MAX]


def _syllables(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the readings of each syllable or word of the name, the usual one first."""
    is_hanzi = _HANZI.fullmatch(name)
    text = name if is_hanzi else plain(name)
    # Two characters first: the surname 单于 is not 单.
    said = SURNAMES.get(text[:2]) or SURNAMES.get(text[:1])
    usual = said.split("-") if said else []
    rest = text[len(usual) :]
    # Nearly every name: each character is a word.
    words = map(_readings, rest if is_hanzi else _WORD.findall(rest))
    return (*map(_prefer, usual, text), *words)


@lru_cache(maxsize=1024)
def _prefer(usual: str, character: str) -> tuple[str, ...]:
    return (usual, *(other for other in _readings(character) if other != usual))


@lru_cache(maxsize=65536)
def _readings(part: str) -> tuple[str, ...]:
    if part.isascii():
        return (part,)
    found = pinyin(part, style=Style.NORMAL, heteronym=True, errors="default")[0]
    both = [spelt for said in found for spelt in (said, said.replace("v", "yu") if said[:1] in "ln" else said)]
    return tuple(dict.fromkeys(both)) or (part,)


def _join(said: list[str]) -> Reading:
    return Reading("".join(said)[:PINYIN_MAX], "".join([part[0] for part in said])[:INITIALS_MAX])


def _later_words(name: str) -> list[str]:
    if name.isalpha():
        return []
    words = plain(name).split()
    return [" ".join(words[index:]) for index in range(1, len(words))][:3]
