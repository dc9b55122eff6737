"""Variants of workbooks and CSV files from other programs: each is read, or refused with a helpful message."""

import codecs
import io
import re
import zipfile

import openpyxl
import pytest
from django.utils.translation import override

from accounts.audit.recording import command_actor
from directory.imports.job import work_on_imports
from directory.imports.reading.reader import MESSAGES, WorkbookRefused
from directory.imports.row_files import RowFiles
from directory.imports.upload import start_import
from directory.models import Import
from directory.tests.imports.workbooks import (
    MAIN,
    OFFICE,
    RELS,
    WORKBOOK,
    WORKBOOK_RELS,
    book,
    person,
    raw,
    row_xml,
    saved,
    sheet_xml,
    upload,
    xlsx,
)

STRICT = "http://purl.oclc.org/ooxml"
BODY = row_xml(1, "姓名", "邮箱前缀", "手机号") + row_xml(2, "张三", "zhangsan", "13900000001")
SHEET = sheet_xml(BODY)
CSV = "姓名,邮箱前缀,手机号\r\n张三,zhangsan,13900000001\r\n"


def prefixed(xml, prefix="x"):
    """Prefix every element of the main namespace, as some libraries do."""
    named = re.sub(r"<(/?)(?!\?)([a-zA-Z]+)(?=[\s>/])", rf"<\1{prefix}:\2", xml)
    return named.replace(f'xmlns="{MAIN}"', f'xmlns:{prefix}="{MAIN}"')


def moved_right(body):
    """Shift each cell by one column."""
    return re.sub('r="[ABC]', lambda found: f'r="{chr(ord(found[0][3]) + 1)}', body)


def shared(*texts):
    strings = "".join(f"<si><t>{text}</t></si>" for text in texts)
    cells = [f'<c r="{chr(65 + n % 3)}{n // 3 + 1}" t="s"><v>{n}</v></c>' for n in range(len(texts))]
    rows = "".join(f'<row r="{n + 1}">{"".join(cells[n * 3 : n * 3 + 3])}</row>' for n in range(len(texts) // 3))
    relation = f'<Relationship Id="rId2" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    return raw(
        sheet_xml(rows),
        parts={
            "xl/sharedStrings.xml": f'<?xml version="1.0"?><sst xmlns="{MAIN}">{strings}</sst>',
            "xl/_rels/workbook.xml.rels": WORKBOOK_RELS.replace("</Relationships>", relation),
        },
    )


def with_target(target):
    rels = WORKBOOK_RELS.replace("worksheets/sheet1.xml", target)
    return raw(SHEET, parts={"xl/_rels/workbook.xml.rels": rels})


def renamed(change, content=None, extra=()):
    """Rename each part by `change`, and add entries that are no parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content or SHARED)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(change(name), old.read(name))
        for name in extra:
            new.writestr(name, b"")
    return file.getvalue()


def elsewhere():
    """Rename all parts of the workbook, so that only the relations find them."""
    names = {"xl/workbook.xml": "my/book.xml", "xl/_rels/workbook.xml.rels": "my/_rels/book.xml.rels"}
    names |= {"xl/worksheets/sheet1.xml": "data/the table.xml", "xl/sharedStrings.xml": "data/words.xml"}
    relations = WORKBOOK_RELS.replace("worksheets/sheet1.xml", "../data/the%20table.xml")
    relations = relations.replace(
        "</R", f'<Relationship Id="rId2" Type="{OFFICE}/sharedStrings" Target="/DATA/words.xml"/></R'
    )
    with zipfile.ZipFile(io.BytesIO(SHARED)) as archive:
        parts = {names.get(name, name): archive.read(name) for name in archive.namelist()}
    parts |= {"_rels/.rels": RELS.replace("xl/workbook.xml", "/my/book.xml"), "my/_rels/book.xml.rels": relations}
    return raw("", parts=parts, without=["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"])


def in_utf_16(encoding):
    """Write every part with or without a byte order mark."""
    with zipfile.ZipFile(io.BytesIO(SHARED)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    declared = {
        name: part.replace('version="1.0"', 'version="1.0" encoding="UTF-16"', 1) for name, part in parts.items()
    }
    return raw("", parts={name: part.encode(encoding) for name, part in declared.items()})


def strict():
    main, office = f"{STRICT}/spreadsheetml/main", f"{STRICT}/officeDocument/relationships"
    sheet, workbook, relations = (
        xml.replace(MAIN, main).replace(OFFICE, office) for xml in (SHEET, WORKBOOK, WORKBOOK_RELS)
    )
    return raw(sheet, parts={"xl/workbook.xml": workbook, "xl/_rels/workbook.xml.rels": relations})


def rich_text():
    body = BODY.replace("<is><t>张三</t></is>", "<is><r><t>张</t></r><r><rPr><b/></rPr><t>三</t></r></is>")
    return raw(sheet_xml(body))


def stored():
    """Store without compression, with a ZIP comment and an unknown part."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw(SHEET))) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("docProps/custom.xml", "<x/>")
        new.comment = b"made elsewhere"
    return file.getvalue()


def wecom():
    """The headings of another console's template, notes above and columns that are not ours."""
    made = openpyxl.Workbook()
    made.active.append(["填写须知：\n1. 不能在该Excel表中对成员信息类别进行增加、删除或修改；\n2. 红色字段为必填字段"])
    made.active.append(["姓名", "帐号", "职务", "部门", "性别", "手机", "座机", "个人邮箱", "邮箱", "激活成员"])
    made.active.append(["张三", "zs", "经理", "", "男", "13900000001", "", "", "zhangsan@example.com", "是"])
    made.active.merge_cells("A1:J1")
    return saved(made)


SHARED = shared("姓名", "邮箱前缀", "手机号", "张三", "zhangsan", "13900000001")
LITTER = ["xl/", "__MACOSX/._a.xml", ".DS_Store", "xl/media/图片.png", "docProps/thumbnail.jpeg"]
READ = {
    "shared strings": SHARED,
    "inline strings, no dimension": raw(SHEET),
    "absolute part path": with_target("/xl/worksheets/sheet1.xml"),
    "a part path from the root": with_target("xl/worksheets/sheet1.xml"),
    "a part path that climbs": with_target("../xl/worksheets/sheet1.xml"),
    "a part path with the other stroke": with_target("worksheets\\sheet1.xml"),
    "part names with the other stroke": renamed(lambda name: name.replace("/", "\\")),
    "part names in capitals": renamed(str.upper),
    "parts elsewhere": elsewhere(),
    "entries that are no parts": renamed(str, extra=LITTER),
    "parts in UTF-16": in_utf_16("utf-16"),
    "parts in UTF-16 without a mark": in_utf_16("utf-16-be"),
    "a size that is none": raw(sheet_xml(BODY, before="<dimension/>")),
    "a size in dollars": raw(sheet_xml(BODY, before='<dimension ref="$A$1:$C$2"></dimension>')),
    "a size of everything": raw(sheet_xml(BODY, before='<dimension ref="A1:XFD1048576"/>')),
    "readings beside the text": raw(sheet_xml(BODY.replace("张三</t>", '张三</t><rPh sb="0" eb="1"><t>ち</t></rPh>'))),
    "prefixed namespace": raw(prefixed(SHEET)),
    "strict namespace": strict(),
    "byte order mark": raw(codecs.BOM_UTF8 + SHEET.encode()),
    "rich text": rich_text(),
    "stored, not deflated": stored(),
    "no references": raw(sheet_xml(re.sub(r' r="[A-Z0-9]+"', "", BODY))),
    "blank column on the left": raw(sheet_xml(moved_right(BODY))),
    "another console's template": wecom(),
    "CSV": CSV.encode(),
    "CSV with semicolons": CSV.replace(",", ";").encode("gb18030"),
    "CSV with tabs": CSV.replace(",", "\t").encode("utf-16"),
    "CSV with quotes and lone line feeds": CSV.replace("张三", '"张三"').replace("\r", "").encode(),
    "CSV that says its separator": ("sep=;\r\n" + CSV.replace(",", ";")).encode("utf-8-sig"),
}  # fmt: skip
LATIN = "Name,Mailbox prefix,Phone\r\nJürgen Müller,jm,13900000001\r\nZoë Ærø,zoe,13900000002\r\n"
REFUSED = {
    "CSV of Western Windows": (LATIN.encode("cp1252"), "a.csv", "csv_encoding"),
    "CSV of Shift-JIS": ("氏名,メール\r\n田中さくら,tanaka\r\n".encode("shift-jis"), "a.csv", "csv_encoding"),
    "a sheet of something else": (xlsx(["1", "2"], headings=["Invoice", "Amount"]), "a.xlsx", "no_heading"),
    "a part path that climbs out": (with_target("../../sheet1.xml"), "a.xlsx", "broken"),
    "a part in half of UTF-16": (raw(SHEET.encode("utf-16")[:-1]), "a.xlsx", "broken"),
    "a relation without a part": (with_target("worksheets/sheet9.xml"), "a.xlsx", "broken"),
    "numbers that are none": (raw(SHEET.replace('r="2"', 'r="zwei"')), "a.xlsx", "broken"),
    "headings alone": (shared("姓名", "邮箱前缀", "手机号"), "a.xlsx", "no_rows"),
    "JSON": (b'[{"name": "x"}]', "a.csv", "no_heading"),
    "a word document": (
        raw(SHEET, without=["xl/workbook.xml"], parts={"word/document.xml": "<x/>"}), "a.xlsx", "other_format",
    ),
}  # fmt: skip


@pytest.mark.sqlite_only
@pytest.mark.parametrize("variant", READ)
def test_a_file_of_another_program_is_read(tenant, alice, variant):
    name = "a.csv" if variant.startswith("CSV") else "a.xlsx"
    imported = start_import(tenant.root, by=command_actor(alice), upload=upload(READ[variant], name))
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.read, imported.created) == ("ready", 1, 1)
    ((_number, data),) = RowFiles(imported.stored).planned()
    assert (data.name, data.prefix, data.phone) == ("张三", "zhangsan", "+8613900000001")


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ('t="e"><v>#SPILL!</v>', {"dead": "#SPILL!"}),
        ('t="e"><v>#GETTING_DATA</v>', {"dead": "#GETTING_DATA"}),
        ('t="e"><v>#¡VALOR!</v>', {"dead": "#¡VALOR!"}),
        ('t="e"><v>#DIV/0!</v>', {"dead": "#DIV/0!"}),
        ('t="str"><f>A1</f><v>#7 of us!</v>', "#7 of us!"),
        ("><v>NaN</v>", "nan"),
        ("><v>-1E400</v>", "-inf"),
    ],
)
def test_an_odd_cell_spoils_its_row_alone(tenant, alice, cell, kept):
    body = BODY + row_xml(3, "李四", "lisi", more=f'<c r="C3" {cell}</c>')
    imported = start_import(tenant.root, by=command_actor(alice), upload=upload(raw(sheet_xml(body))))
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.created, imported.refused) == (1, 1)
    assert imported.rows.get(number=3).cells[2] == kept


@pytest.mark.sqlite_only
@pytest.mark.parametrize("variant", REFUSED)
def test_a_file_that_can_not_be_read_is_refused_with_words(tenant, alice, settings, variant):
    content, name, codes = REFUSED[variant]
    with pytest.raises(WorkbookRefused) as refused:
        start_import(tenant.root, by=command_actor(alice), upload=upload(content, name))
    assert refused.value.code in codes.split()
    with override("zh-hans"):
        assert str(MESSAGES[refused.value.code])
    assert not Import.objects.exists()
    assert not list(settings.IMPORT_DIR.glob("*"))


def test_a_million_blank_rows_that_are_only_formatted_are_no_rows(tenant, alice):
    """A sheet with coloured columns claims 1,048,576 rows."""
    made = book(person(1))
    made.active.cell(5000, 1).fill = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")
    content = saved(made)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    parts["xl/worksheets/sheet1.xml"] = sheet.replace("5000", "1048576").encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    imported = start_import(tenant.root, by=command_actor(alice), upload=upload(file.getvalue()))
    work_on_imports()
    imported.refresh_from_db()
    assert (imported.state, imported.read, imported.created) == ("ready", 1, 1)
