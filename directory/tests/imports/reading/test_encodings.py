"""Text files in the encodings that programs write, whole or damaged."""

import codecs

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from directory.imports.reading.cells import text_of
from directory.imports.reading.reader import WorkbookRefused

HEADINGS = "Name,Email,Phone\r\n"
CHINESE = HEADINGS + "张三,zs1,13900001001\r\n李四,ls1,13900001002\r\n"
DAMAGED = CHINESE.encode() + b"Ren\xe9e,re1,13900001003\r\n"
TAIWAN = ["陳志明", "林淑芬", "黃俊傑", "張雅婷", "李美玲", "王建宏", "吳家豪", "劉怡君", "蔡宗翰", "楊承恩"]
JAPAN = ["田中さくら", "佐藤健太", "鈴木一郎", "高橋美咲", "渡辺翔太", "伊藤陽子"]

KOREA = ["김민수", "이영희", "박지훈", "최수진", "정현우", "강미경", "조은주", "윤성호", "장혜진", "임동현"]
# Japanese without kana, which are the same in GB 2312.
KANJI = ["田中太郎", "佐藤健太", "鈴木一郎", "高橋美咲", "渡辺翔太", "伊藤陽子", "山本直樹", "中村和也", "小林香織"]
SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐"
    "费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁"
    "杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚"
    "程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙"
    "妫逖佀邸冮郄仵蹇訚亶仉督亓逄佴笪缑谯"
)
# Of GB 2312, of GBK, and of GB 18030 alone.
RARE = (
    "喆龑燚曌𬭎䶮昶烨琰骞翀珺玥晟璟旻祎彧骁瑾琬濂暄煜韬垚赟犇骉淼焱鑫懿羿琮瑄璇璞瓒翾黼黻箬筠笙簌蘅菀芊芃蓁荻葳蕤佶侑俣凇劭勖卿叡囡圳"
    "墉妤孚孜寔屿峤崟嵘巍庥弈彤徵忻怿恺惇愫懋抒敉斐旃昀昕昱晔暾朔杞桢梵棣椿榕檬沁沅沐泓泠洵浠涓淇淙渌渥湉溱滢漪潇潼澍澈灏炅炘炜煊熙"
    "燊玖玟珂珈珩琅琇琏琛琨瑗璎盈睢矜砺祯秭竑笃筱箐籁纾绅绮缇罡羲翊翎聿舸艺苒苡荃莞萱葭蔷霖霁霏靓韵颀颉飏骅骊骋骐骢骥魁鸢鸾鹄麒黛"
)
WORK = ["炼钢厂", "烧结车间", "财务部", "轧钢工", "焊接班", "铆工", "磨床操作员", "浇铸工段", "质检科", "锅炉房"]


def names(rows):
    return [row["name"] for row in rows]


def table_of(people, headings=HEADINGS):
    return headings + "".join(f"{name},m{number},1390000{number:04}\r\n" for number, name in enumerate(people))


FOREIGN = {
    "a Latin letter": b"Ren\xe9e",
    "two Latin letters": b"Zo\xeb M\xfcller",
    "half a character": "王五".encode()[:-1],
    "a lone lead byte": b"\xe5",
    "a byte of no encoding": b"\xff",
    "a character of GB 18030": "王".encode("gb18030"),
}


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["plain", "with a mark"])
@pytest.mark.parametrize("foreign", FOREIGN)
def test_foreign_bytes_in_utf_8_spoil_their_cell_alone(read_table, foreign, mark):
    content = mark + CHINESE.encode() + FOREIGN[foreign] + b",re1,13900001003\r\n"
    first, second, damaged = read_table(content)
    assert [first["name"], second["name"]] == ["张三", "李四"]
    assert "\ufffd" in damaged["name"]
    assert (damaged["prefix"], damaged["phone"]) == ("re1", "13900001003")


def test_the_smallest_file_with_a_foreign_byte_is_utf_8(read_table):
    content = HEADINGS.encode() + "张三,zs1,13900001001\r\n".encode() + b"Ren\xe9e,re1,13900001003\r\n"
    assert names(read_table(content)) == ["张三", "Ren\ufffde"]


def test_a_cell_with_an_unreadable_character_is_refused_with_words():
    for language, words in (("en", "�"), ("zh-hans", "�")):
        with override(language), pytest.raises(ValidationError, match=words):
            text_of("Ren\ufffde")


def test_utf_16_that_ends_in_half_a_character_is_read(read_table):
    assert names(read_table(CHINESE.rstrip().encode("utf-16") + b"\x33")) == ["张三", "李四"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_whole_text_is_read_in_its_encoding(read_table, encoding):
    assert names(read_table(CHINESE.encode(encoding))) == ["张三", "李四"]


@pytest.mark.parametrize("people", [["王喆"], ["张喆", "李玥"], TAIWAN, ["阿凡提·买买提"], ["欧阳娜娜", "𠮷田"]])
def test_names_of_rare_or_traditional_characters_are_read_in_gb_18030(read_table, people):
    assert names(read_table(table_of(people).encode("gb18030"))) == people


@pytest.mark.parametrize("foreign", [b"Zo\xff Wang", "王".encode("gb18030")[:1], "王五".encode("gb18030")[:-1] + b" "])
def test_foreign_bytes_in_gb_18030_spoil_their_cell_alone(read_table, foreign):
    headings = "姓名,邮箱前缀,手机号\r\n"
    content = table_of(["张三", "李四"], headings).encode("gb18030") + foreign + b",re1,13900001003\r\n"
    rows = read_table(content)
    assert names(rows)[:2] == ["张三", "李四"]
    assert "\ufffd" in rows[2]["name"]


def test_text_with_a_mark_is_never_read_in_another_encoding(read_table):
    with pytest.raises(WorkbookRefused) as refused:
        read_table(codecs.BOM_UTF8 + CHINESE.encode("gb18030"))
    assert refused.value.code == "csv_encoding"


@pytest.mark.parametrize("count", [1, 2, 6])
@pytest.mark.parametrize(("people", "encoding"), [(TAIWAN, "big5"), (JAPAN, "shift_jis")])
def test_text_in_an_encoding_that_is_not_read_asks_for_utf_8(read_table, people, encoding, count):
    with pytest.raises(WorkbookRefused) as refused:
        read_table(table_of(people[:count]).encode(encoding))
    assert refused.value.code == "csv_encoding"


def test_latin_letters_at_the_ends_of_words_do_not_pass_for_hanzi(read_table):
    for people in (["Renée"], ["Renée", "John", "André Durée"], ["Émile Dorée"]):
        for encoding in ("latin-1", "cp1252"):
            with pytest.raises(WorkbookRefused) as refused:
                read_table(table_of(people).encode(encoding))
            assert refused.value.code == "csv_encoding", people
    for people in (["Lily张"], ["Andy堃"], ["Tom王", "Lily张", "喆"], ["A栋闫喆"]):
        assert names(read_table(table_of(people).encode("gb18030"))) == people


@pytest.mark.parametrize(("people", "encoding"), [(KOREA, "euc_kr"), (KOREA, "cp949"), (KANJI, "euc_jp")])
def test_d18_korean_and_japanese_do_not_pass_for_chinese(read_table, people, encoding):
    for count in range(1, len(people) + 1):
        with pytest.raises(WorkbookRefused) as refused:
            read_table(table_of(people[:count]).encode(encoding))
        assert refused.value.code == "csv_encoding", count


def test_no_chinese_name_is_taken_for_another_script(read_table):
    people = [surname + RARE[index % len(RARE)] for index, surname in enumerate(SURNAMES)]
    people += [SURNAMES[index % len(SURNAMES)] + one + RARE[-index] for index, one in enumerate(RARE)]
    assert names(read_table(table_of(people).encode("gb18030"))) == people
    for person in people[::3]:
        assert names(read_table(table_of([person]).encode("gb18030"))) == [person]


@pytest.mark.parametrize(
    "people", [["José"], ["Zoë Müller"], ["Ærø"], ["Иван"], ["Γιώργος"], ["é"], ["Ñuñez Í"], ["محمد"], ["Łódź"]]
)
def test_letters_of_two_bytes_stay_utf_8(read_table, people):
    assert names(read_table(table_of(people).encode())) == people


def test_no_chinese_department_is_taken_for_another_script(read_table):
    for count in range(1, len(WORK)):
        lines = [
            f"{SURNAMES[number]}{RARE[number]},m{number},{WORK[number]},{WORK[-number]}" for number in range(count)
        ]
        table = "Name,Email,Department,Position\r\n" + "".join(f"{line}\r\n" for line in lines)
        assert [row["departments"] for row in read_table(table.encode("gb18030"))] == WORK[:count]


@pytest.mark.parametrize("headings", ["姓名,電子郵件,手機\r\n", "說明;請勿更改\r\n姓名;帳號;電郵;手機號碼\r\n"])
@pytest.mark.parametrize("count", [1, 10])
def test_big_5_is_read_where_its_headings_are_understood(read_table, headings, count):
    table = table_of(TAIWAN[:count], headings)
    if ";" in headings:
        table = table.replace(",", ";").replace(";m", ";;m")
    assert names(read_table(table.encode("big5"))) == TAIWAN[:count]


SHORT = "姓名,邮箱前缀,手机号\r\n张三,zs1,13900001001\r\n"


@pytest.mark.parametrize("end", ["\x1a", "\r\n\x1a", "\x1a\r\n", "\x1a\x1a\x1a", "\x1a" * 90, "\0", "\0" * 90])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_the_end_mark_and_padding_of_old_programs_are_no_row(read_table, end, encoding):
    (row,) = read_table((SHORT + end).encode(encoding))
    assert row["name"] == "张三"


@pytest.mark.parametrize("strange", ["\x07", "\u200b", "\u202a13900001001\u202c", "\x0b", "\x7f\x7f"])
def test_few_strange_characters_do_not_make_a_short_text_binary(read_table, strange):
    (row,) = read_table(SHORT.replace("三", f"三{strange}").encode())
    assert row["name"] == f"张三{strange}"
