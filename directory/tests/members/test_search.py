import pytest

from conftest import build_member
from directory.members.bulk_insert import NewMember, insert_members
from directory.members.data import MemberData
from directory.members.list_paging import FoundMembers
from directory.members.search import any_of, strategies_for
from directory.members.search_keys import keys_of, other_readings
from directory.models import Member

PEOPLE = {
    "单雄信": "+8613800000001",
    "曾国藩": "+8613800000002",
    "尉迟恭": "+8613800000003",
    "张乐": "+8613800000004",
    "张伟": "+8613911112222",
    "伟哥": "+8613800000006",
    "Alice Johnson": "+14155552671",
    "欧阳娜娜": "+8613800000008",
    "𠮷野": "+8613800000009",
    "王😀": "+8613800000010",
}
SPELLINGS = [
    "阿凡提·买买提", "赵 敏敏敏", "Zoë Müller", "O’Connor Jean-Luc", "張偉國", "钟无艳", "鍾無艷", "Søren Æbelø",
    "J.R. Smith", "Łukasz", "Иван Петров", "김 민수", "がんの", "-", "葛\U000e0100飾太郎", "Anne‐Marie Li",
]  # fmt: skip


@pytest.fixture
def people(tenant):
    rows = [
        NewMember(MemberData(name, f"Acc{number}", f"box{number}", tenant.domain.pk, phone, (tenant.east.pk,)))
        for number, (name, phone) in enumerate(PEOPLE.items())
    ]
    insert_members(tenant.enterprise, rows)
    return tenant


def found(tenant, text, *, sees_phones=True):
    strategies = strategies_for(text, enterprise=tenant.enterprise, sees_phones=sees_phones)
    members = Member.objects.present().filter(enterprise=tenant.enterprise)
    all_found = FoundMembers(members, strategies)
    names = [member.name for member in all_found.first(50)]
    assert sorted(names) == sorted(members.filter(any_of(strategies)).values_list("name", flat=True))
    assert all_found.count(100) == len(names)
    return names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("单", ["单雄信"]), ("shan", ["单雄信"]), ("dan", ["单雄信"]), ("sxx", ["单雄信"]), ("zengguo", ["曾国藩"]),
        ("ceng", ["曾国藩"]), ("yuchi", ["尉迟恭"]), ("weichi", ["尉迟恭"]), ("zhangle", ["张乐"]),
        ("zhangyue", ["张乐"]), ("张", ["张乐", "张伟"]), ("伟", ["伟哥", "张伟"]), ("张伟", ["张伟"]), ("伟张", []),
        ("ALICE", ["Alice Johnson"]), ("alice j", ["Alice Johnson"]), ("john", ["Alice Johnson"]), ("娜", ["欧阳娜娜"]),
        ("𠮷", ["𠮷野"]), ("😀", ["王😀"]),
        ("2222", ["张伟"]), ("1391111", ["张伟"]), ("139 1111 2222", ["张伟"]), ("＋86 13911112222", ["张伟"]),
        ("acc4", ["张伟"]), ("box4", ["张伟"]), ("box4@exam", ["张伟"]), ("box4@other", []), ("%", []), ("_", []),
        ("'", []), ("\\", []), ("张%", []),
    ],
)  # fmt: skip
def test_a_search_finds(people, text, names):
    assert sorted(found(people, text)) == sorted(names)


def test_one_character_finds_surnames_first(tenant):
    """T9: although 阿张 comes first by Pinyin."""
    for number, name in enumerate(("阿张", "张伟", "白张", "张安")):
        build_member(tenant, name, ["azhang", "zhangwei", "baizhang", "zhangan"][number], None, activation="code")
    assert found(tenant, "张") == ["张安", "张伟", "阿张", "白张"]


@pytest.fixture
def spelt(tenant):
    rows = [
        NewMember(
            MemberData(name, f"x{number}", f"x{number}", tenant.domain.pk, None, (tenant.root.pk,), activation="code")
        )
        for number, name in enumerate(SPELLINGS)
    ]
    insert_members(tenant.enterprise, rows)
    return tenant


def test_a_search_ignores_marks_accents_blanks_and_variants(spelt):
    uyghur, zoe, connor, zhang, chung = (
        "阿凡提·买买提",
        "Zoë Müller",
        "O’Connor Jean-Luc",
        "張偉國",
        ["钟无艳", "鍾無艷"],
    )
    texts = {
        uyghur: ["阿凡提买买提", "阿凡提•买买提", "阿凡提・买买提", "提·买", "提买", "afantimaimaiti",
                 "afanti maimaiti", "afanti·maimaiti", "maimaiti", "aftmmt", "mmt"],
        zoe: ["zoe", "Zoë", "muller", "Müller", "MU\u0308LLER", "zoemuller", "zoe m"],
        connor: ["O'Connor", "O’Connor", "oconnor", "o＇connor", "jeanluc", "jean-luc", "Jean‑Luc", "luc",
                 "oconnor jean", "ojl"],
        zhang: ["张伟国", "張偉國", "伟国", "国", "張", "张", "國"],
        "赵 敏敏敏": ["赵敏敏敏", "赵　敏敏敏"],
        "Søren Æbelø": ["soren", "aebelo", "søren æ"],
        "J.R. Smith": ["jr smith", "J.R", "smith"],
        "Łukasz": ["lukasz"],
        "Иван Петров": ["иванпетров", "Петров"],
        "김 민수": ["김민수", "김민"],
        "がんの": ["がん"],
        "-": ["-"],
        "葛\U000e0100飾太郎": ["葛飾"],
        "Anne‐Marie Li": ["annemarie", "marie", "li"],
    }  # fmt: skip
    expected = {text: [name] for name, typed in texts.items() for text in typed}
    expected |= {"钟无艳": chung, "鍾無艷": chung, "鐘": chung, "かん": [], "'": [], "·": [], "⻓": []}
    assert {text: sorted(found(spelt, text)) for text in expected} == {
        text: sorted(names) for text, names in expected.items()
    }


def test_an_edit_updates_the_search_key(spelt, alice):
    member = Member.objects.get(name="張偉國")
    data = MemberData.from_member(member)._replace(name="李國強")
    data.assign_to(member)
    member.save()
    assert found(spelt, "李国强") == ["李國強"]
    assert found(spelt, "张伟国") == []


def test_without_phone_access_only_the_whole_number_matches(people):
    assert found(people, "2222", sees_phones=False) == []
    assert found(people, "13911112222", sees_phones=False) == ["张伟"]


def test_it_stays_within_the_enterprise(people, other_tenant):
    build_member(other_tenant, "张三", "zhangsan", "+8613911112222")
    assert sorted(found(people, "张")) == ["张乐", "张伟"]
    assert found(people, "box4") == ["张伟"]


def test_pages_show_what_every_way_finds_once_and_back(people, tenant):
    everyone = Member.objects.filter(enterprise=tenant.enterprise)
    found = FoundMembers(everyone, strategies_for("a", enterprise=tenant.enterprise, sees_phones=True))
    pages, key = [], None
    while rows := found.beyond(key, 3):
        pages.append(rows)
        key = found.key_of(rows[-1])
    assert sum(map(len, pages)) == len(PEOPLE)
    assert everyone.get(pk=pages[0][0][1]).name == "Alice Johnson"
    assert found.beyond(found.key_of(pages[-1][0]), 3, is_backward=True)[::-1] == pages[-2]


def test_keys_fit_their_columns():
    for name in ("ß" * 64, "龘" * 64, "ŉ" * 64, "ΐ" * 64, "👩‍🚀" * 16):
        keys = keys_of(name, "+8613800138000")
        assert len(keys.pinyin) <= 400
        assert len(keys.initials) <= 64
        assert len(other_readings(name)) <= 6
