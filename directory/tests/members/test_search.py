import pytest

from conftest import build_member
from directory.members.bulk_insert import NewMember, insert_members
from directory.members.list_paging import count_of, page_of
from directory.members.search import any_of, ways_to
from directory.members.search_keys import keys_of, other_readings
from directory.models import Member

PEOPLE = {
    "单雄信": "+8613800000001", "曾国藩": "+8613800000002", "尉迟恭": "+8613800000003", "张乐": "+8613800000004",
    "张伟": "+8613911112222", "伟哥": "+8613800000006", "Alice Johnson": "+14155552671", "欧阳娜娜": "+8613800000008",
    "𠮷野": "+8613800000009", "王😀": "+8613800000010",
}  # fmt: skip


@pytest.fixture
def people(tenant):
    rows = [
        NewMember(name, f"Acc{number}", f"box{number}", tenant.domain.pk, phone, [tenant.east.pk])
        for number, (name, phone) in enumerate(PEOPLE.items())
    ]
    insert_members(tenant.enterprise, rows)
    return tenant


def found(tenant, text, *, sees_phones=True):
    ways = ways_to(text, enterprise=tenant.enterprise, sees_phones=sees_phones)
    members = Member.objects.present().filter(enterprise=tenant.enterprise)
    names = [member.name for member in page_of(members, ways).members]
    assert sorted(names) == sorted(members.filter(any_of(ways)).values_list("name", flat=True))
    assert count_of(members, ways, cap=100) == len(names)
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


def test_who_sees_no_phones_finds_by_the_whole_number_only(people):
    assert found(people, "2222", sees_phones=False) == []
    assert found(people, "13911112222", sees_phones=False) == ["张伟"]


def test_it_stays_within_the_enterprise(people, other_tenant):
    build_member(other_tenant, "张三", "zhangsan", "+8613911112222")
    assert sorted(found(people, "张")) == ["张乐", "张伟"]
    assert found(people, "box4") == ["张伟"]


def test_pages_lead_through_all_ways_and_back(people, tenant):
    ways = ways_to("a", enterprise=tenant.enterprise, sees_phones=True)
    members = Member.objects.filter(enterprise=tenant.enterprise)
    pages, mark = [], ""
    while True:
        page = page_of(members, ways, after=mark, size=3)
        pages.append([member.name for member in page.members])
        mark = page.after
        if not mark:
            break
    assert sum(map(len, pages)) == len(PEOPLE)
    assert pages[0][0] == "Alice Johnson"
    back = page_of(members, ways, before=page.before, size=3)
    assert [member.name for member in back.members] == pages[-2]


def test_keys_fit_their_columns():
    for name in ("ß" * 64, "龘" * 64, "ŉ" * 64, "ΐ" * 64, "👩‍🚀" * 16):
        keys = keys_of(name, "+8613800138000")
        assert len(keys.pinyin) <= 400
        assert len(keys.initials) <= 64
        assert len(other_readings(name)) <= 6
