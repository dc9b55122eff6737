import io
import re
from datetime import timedelta

import openpyxl
import pytest
from django.utils import timezone

from conftest import build_member
from directory.imports.job import erase_old_imports, work_on_imports
from directory.imports.preview import list as row_list
from directory.models import Department, Import, Member
from directory.tests.imports.workbooks import HEADINGS, book, person, saved, upload, xlsx

URL = "/console/imports/"


def send(client, tenant, content, name="members.xlsx", **fields):
    fields = {"department": tenant.root.pk, "mode": "create"} | fields
    return client.post(URL, {"file": upload(content, name), **fields})


def checked(client, tenant, content, name="members.xlsx", **fields):
    """Return the URL of the import's page, once a worker has checked it."""
    answer = send(client, tenant, content, name, **fields)
    assert answer.status_code == 303, answer.content.decode()
    work_on_imports()
    return answer["Location"]


def applied(client, page):
    assert client.post(f"{page}apply/").status_code == 303
    work_on_imports()
    return client.get(page).content.decode()


def counts(html):
    return {name: int(value) for name, value in re.findall(r'data-name="(\w+)" value="(\d+)"', html)}


def state(html):
    return re.search(r'<main[^>]*data-state="(\w*)"', html)[1]


def figures(created=0, updated=0, unchanged=0, refused=0, left_out=0):
    read = created + updated + unchanged + refused + left_out
    return {
        "read": read,
        "created": created,
        "updated": updated,
        "unchanged": unchanged,
        "refused": refused,
        "left_out": left_out,
    }


def test_a_workbook_goes_from_upload_over_preview_to_members(client_of, alice, tenant):
    client = client_of(alice)
    assert 'type="file"' in client.get(URL).content.decode()
    answer = send(client, tenant, xlsx(person(1, departments="市场部/华东组"), person(2, phone="１３９ 0000 0002")))
    page = answer["Location"]
    assert state(client.get(page).content.decode()) == "checking"
    work_on_imports()
    preview = client.get(page).content.decode()
    assert state(preview) == "ready"
    assert counts(preview) == figures(created=2)
    assert "139 0000 0002" in preview, "the repair is shown"
    assert "data-row" not in preview
    assert not Member.objects.exists()
    result = applied(client, page)
    assert (state(result), counts(result)) == ("done", figures(created=2))
    member = Member.objects.get(name="成员1")
    assert (member.main_department, member.origin["file"], member.origin["row"]) == (tenant.east, "members.xlsx", 2)
    assert "members.xlsx" in client.get(URL).content.decode()
    assert "members.xlsx, row 2" in client.get(f"/console/members/{member.pk}/").content.decode()


def test_every_bad_row_is_named_with_its_text_and_reason_and_holder(client_of, alice, tenant, wang):
    client = client_of(alice)
    page = checked(
        client,
        tenant,
        xlsx(
            person(1, phone="13800138002"),
            person(2, phone="12345"),
            person(3, departments="没有/这个"),
            person(4, phone="13900000009"),
            person(5, phone="13900000009"),
            person(6),
        ),
    )
    html = client.get(page).content.decode()
    assert counts(html) == figures(created=1, refused=5)
    assert re.findall(r'data-row="(\d+)"', html) == ["2", "3", "4", "5", "6"]
    assert "belongs to 王芳 (华东组, Not joined)" in html
    for text in ("12345", "没有/这个", "is also in row 6 of this file", "is also in row 5 of this file"):
        assert text in html


def test_the_same_file_again_changes_nothing(client_of, alice, tenant):
    client = client_of(alice)
    content = xlsx(person(1, aliases="one;eins@example.com", position="经理"), person(2, activation="激活码", phone=""))
    applied(client, checked(client, tenant, content))
    html = client.get(checked(client, tenant, content)).content.decode()
    assert counts(html) == figures(unchanged=2)


def test_an_update_touches_only_the_columns_that_are_there(client_of, alice, tenant, lin, wang):
    client = client_of(alice)
    content = xlsx(["linxiao", "总监", "lin.xiao"], ["wangfang", "", ""], headings=["帐号", "职务", "别名"])
    Member.objects.filter(pk=wang.pk).update(position="会计")
    page = checked(client, tenant, content, mode="update")
    preview = client.get(page).content.decode()
    assert counts(preview) == figures(updated=2)
    assert "总监" in preview
    assert counts(applied(client, page)) == figures(updated=2)
    lin.refresh_from_db()
    wang.refresh_from_db()
    assert (lin.position, lin.name, lin.phone, lin.status) == ("总监", "林晓", "+8613800138001", "active")
    assert lin.addresses.filter(local="lin.xiao", purpose="alias").exists()
    assert wang.position == "", "a blank cell clears"


def test_an_update_lets_nothing_change_hands(client_of, alice, tenant, lin, wang):
    client = client_of(alice)
    content = xlsx(["linxiao", "13800138002"], headings=["帐号", "手机号"])
    html = client.get(checked(client, tenant, content, mode="update")).content.decode()
    assert counts(html) == figures(refused=1)
    assert "belongs to 王芳" in html


def test_missing_departments_are_created_only_if_that_was_ticked(client_of, alice, tenant):
    client = client_of(alice)
    content = xlsx(person(1, departments="研发/一组;市场部"), person(2, departments="研发/一组"))
    assert counts(client.get(checked(client, tenant, content)).content.decode()) == figures(refused=2)
    page = checked(client, tenant, content, create_departments="on")
    assert not Department.objects.filter(name="研发").exists()
    applied(client, page)
    first = Member.objects.get(name="成员1")
    assert first.main_department.name == "一组"
    assert set(first.departments.all()) == {first.main_department, tenant.market}


def test_a_bad_cell_is_repaired_in_the_browser_and_frees_the_other_row(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1, phone="13900000005"), person(2, phone="13900000005")))
    assert counts(client.get(page).content.decode()) == figures(refused=2)
    assert client.post(f"{page}repair/", {"row": 3, "phone": "13900000006"}).status_code == 303
    html = client.get(page).content.decode()
    assert (state(html), counts(html)) == ("ready", figures(created=2))


def test_a_row_can_be_left_out(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1, phone="13900000005"), person(2, phone="13900000005")))
    client.post(f"{page}repair/", {"row": 3, "leave_out": "1"})
    html = applied(client, page)
    assert counts(html) == figures(created=1, left_out=1)


def test_failed_rows_come_back_as_a_workbook_that_is_refused_for_the_same_reasons(client_of, alice, tenant):
    client = client_of(alice)
    made = book(
        person(1, phone=13800000000),
        person(2, phone="=1+1"),
        person(3),
        [*person(4), "红"],
        headings=[*HEADINGS, "颜色"],
    )
    made.active["E5"] = True
    page = checked(client, tenant, saved(made))
    first = client.get(page).content.decode()
    assert counts(first) == figures(created=1, refused=3)
    applied(client, page)
    failed = client.get(f"{page}failed.xlsx").content
    sheet = openpyxl.load_workbook(io.BytesIO(failed)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == (*HEADINGS, "颜色", "Reason")
    assert rows[1][4] == 13800000000
    assert rows[3][4] is True
    assert rows[3][9] == "红"
    again = client.get(checked(client, tenant, failed)).content.decode()
    assert counts(again) == figures(refused=3)
    reasons = re.compile(r"<div>([^<]+)</div>")
    assert reasons.findall(again)[:1] == reasons.findall(first)[:1]


def test_a_member_created_meanwhile_becomes_a_refused_row(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2)))
    build_member(tenant, "先来", "first", "+8613900000001")
    html = applied(client, page)
    assert counts(html) == figures(created=1, refused=1)
    assert "belongs to 先来" in html


def test_a_row_refused_while_applying_comes_back_as_it_was_uploaded(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2, phone="x"), person(3), person(4, phone="139 0000 0004")))
    client.post(f"{page}repair/", {"row": 3, "phone": "13900000002"})
    for number in (1, 2, 4):
        build_member(tenant, f"先来{number}", f"first{number}", f"+86139{number:08d}")
    assert counts(applied(client, page)) == figures(created=1, refused=3)
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"{page}failed.xlsx").content)).active
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [row[4] for row in rows] == ["13900000001", "13900000002", "139 0000 0004"]
    assert "belongs to 先来1" in rows[0][-1]


def test_departments_made_on_the_way_do_not_keep_an_import_from_being_undone(client_of, alice, tenant):
    client = client_of(alice)
    content = xlsx(person(1, departments="研发/一组"), person(2))
    page = checked(client, tenant, content, create_departments="on")
    applied(client, page)
    client.post(f"{page}undo/")
    assert not Member.objects.exists()


def test_an_undo_keeps_members_changed_since(client_of, alice, tenant, lin):
    client = client_of(alice)
    content = xlsx([*person(1)[:5], ""], [*person(2)[:5], ""], ["林晓", "linxiao", "", "", "13800138001", "总监"],
                   headings=[*HEADINGS[:5], "职务"])  # fmt: skip
    page = checked(client, tenant, content, mode="update")
    assert counts(applied(client, page)) == figures(created=2, updated=1)
    Member.objects.filter(name="成员2").update(position="改过")
    assert client.post(f"{page}undo/").status_code == 303
    html = client.get(page).content.decode()
    assert "成员2 has since been edited." in html
    assert set(Member.objects.values_list("name", flat=True)) == {"林晓", "成员2"}
    lin.refresh_from_db()
    assert lin.position == ""
    assert f'action="{page}undo/"' not in html


def test_invitations_go_to_the_members_this_import_made(client_of, alice, tenant, wang):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2, activation="激活码", phone="")))
    html = applied(client, page)
    assert f'action="{page}invite/"' in html
    assert client.post(f"{page}invite/").status_code == 303
    assert "1 invitation sent" in client.get(page).content.decode()
    assert Member.objects.get(name="成员1").invited_at
    wang.refresh_from_db()
    assert not wang.invited_at


def test_a_cancelled_import_keeps_what_it_did_and_says_what_it_did_not_reach(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2, phone="x")))
    client.post(f"{page}apply/")
    assert client.post(f"{page}cancel/").status_code == 303
    html = client.get(page).content.decode()
    assert state(html) == "cancelled"
    assert counts(html) == figures(refused=1) | {"read": 2, "not_reached": 1}
    work_on_imports()
    assert not Member.objects.exists()


def test_a_file_that_is_no_workbook_is_refused_beside_the_field_and_nothing_is_kept(client_of, alice, tenant, settings):
    answer = send(client_of(alice), tenant, b"\x00\x01nonsense" * 100)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in html
    assert "be read. Save it as .xlsx" in html
    assert not Import.objects.exists()
    assert not list(settings.IMPORT_DIR.glob("*"))


def test_each_button_of_a_mode_that_is_refused_is_described_by_the_error(client_of, alice, tenant):
    html = send(client_of(alice), tenant, xlsx(person(1)), mode="x").content.decode()
    modes = re.findall(r'<input type="radio" name="mode"[^>]*>', html)
    assert len(modes) == 2
    assert all('aria-describedby="id_mode_error"' in one for one in modes)


def test_an_upload_without_a_file_or_without_a_row_is_refused(client_of, alice, tenant):
    client = client_of(alice)
    assert client.post(URL, {"department": tenant.root.pk, "mode": "create"}).status_code == 422
    assert "The file is empty" in send(client, tenant, b"").content.decode()
    assert "no data" in send(client, tenant, xlsx()).content.decode()


@pytest.mark.reader_process
def test_the_template_imports_as_it_is_in_both_languages(client_of, alice, tenant):
    for language, heading in (("zh-hans", "姓名*"), ("en", "Name*")):
        client = client_of(alice)
        client.cookies["django_language"] = language
        content = client.get(f"{URL}template/").content
        made = openpyxl.load_workbook(io.BytesIO(content))
        assert made.worksheets[0]["A1"].value == heading
        assert len(made.sheetnames) == 3
        html = client.get(checked(client, tenant, content)).content.decode()
        assert counts(html) == figures(), "the example row is no row"
        assert "/apply/" not in html
        assert made.sheetnames[1] not in html, "the template's own sheets are no news"
        made.worksheets[0].append(person(1))
        page = checked(client, tenant, saved(made))
        assert counts(client.get(page).content.decode()) == figures(created=1)
        made.worksheets[0]["A2"] = "张三"
        page = checked(client, tenant, saved(made))
        assert counts(client.get(page).content.decode())["read"] == 2


def test_the_page_asks_again_while_a_worker_is_at_it_and_reloads_at_the_end(client_of, alice, tenant):
    client = client_of(alice)
    page = send(client, tenant, xlsx(person(1)))["Location"]
    assert "hx-trigger" in client.get(page).content.decode()
    assert "HX-Refresh" not in client.get(page, headers={"hx-request": "true"})
    work_on_imports()
    assert client.get(page, headers={"hx-request": "true"})["HX-Refresh"] == "true"


def test_a_department_administrator_imports_into_their_own_departments_and_sees_their_own(
    client_of, alice, bob, tenant, zhao
):
    theirs = checked(client_of(alice), tenant, xlsx(person(9)))
    client = client_of(bob)
    assert client.get(theirs).status_code == 404
    assert send(client, tenant, xlsx(person(1))).status_code == 422, "not into the root"
    page = checked(client, tenant, xlsx(person(1), person(2, phone="13800138003")), department=tenant.market.pk)
    html = client.get(page).content.decode()
    assert "outside your departments" in html
    assert "赵敏" not in html
    assert "create_departments" not in client.get(URL).content.decode()


def test_cells_without_a_value_come_back_as_they_were_for_the_same_reason(client_of, alice, tenant):
    made = book(person(1), person(2), person(3, name='=HYPERLINK("x")'))
    for row, error in ((2, "#REF!"), (3, "#N/A")):
        made.active.cell(row, 1).value = error
        made.active.cell(row, 1).data_type = "e"
    client = client_of(alice)
    page = checked(client, tenant, saved(made))
    reasons = [problem["text"] for row in Import.objects.get().rows.order_by("number") for problem in row.problems]
    errors = [one.problems[0].get("params") for one in Import.objects.get().rows.order_by("number")]
    assert errors == [{"error": "#REF!"}, {"error": "#N/A"}, None]
    html = client.get(page).content.decode()
    assert "<code>#REF!</code>" in html
    assert "<code>#N/A</code>" in html
    failed = client.get(f"{page}failed.xlsx").content
    cells = [cell for row in openpyxl.load_workbook(io.BytesIO(failed)).active.iter_rows(min_row=2) for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    checked(client, tenant, failed, "failed.xlsx")
    again = Import.objects.latest("pk").rows.order_by("number")
    assert [problem["text"] for row in again for problem in row.problems] == reasons
    assert [one.problems[0].get("params") for one in again] == errors


def test_a_repair_that_is_still_wrong_is_refused_beside_the_field(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1, phone="12"), person(2, phone="123")))
    answer = client.post(f"{page}repair/", {"row": 3, "phone": "999"})
    html = answer.content.decode()
    assert answer.status_code == 422
    field = re.search(r'<input[^>]*name="phone"[^>]*>', html[html.index('<details class="repair" open') :])[0]
    assert 'value="999"' in field
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="row-3-phone"' in field
    assert 'id="row-3-phone"' in html
    assert html.count("aria-invalid") == 1
    assert client.post(f"{page}repair/", {"row": 3, "phone": "13900000009"}).status_code == 303
    assert client.post(f"{page}repair/", {"row": 77, "phone": "999"}).status_code == 303


def test_a_repair_redirects_to_the_next_refused_row(client_of, alice, tenant, monkeypatch):
    monkeypatch.setattr(row_list, "PAGE_SIZE", 2)
    client = client_of(alice)
    page = checked(client, tenant, xlsx(*(person(number, phone=f"{number}") for number in range(1, 6))))

    def rows(answer):
        return re.findall(r'data-row="(\d+)"', answer.content.decode())

    second = client.get(f"{page}?verdict=refused&page=2")
    assert rows(second) == ["4", "5"]
    assert 'name="verdict" value="refused"' in second.content.decode()
    wrong = client.post(f"{page}repair/", {"row": 5, "phone": "12", "verdict": "refused"})
    assert (wrong.status_code, rows(wrong)) == (422, ["4", "5"]), "the page stays"
    assert "autofocus" in wrong.content.decode()
    assert f'href="{page}?verdict=refused&amp;page=1#rows"' in wrong.content.decode(), "its own address answers no GET"
    assert wrong.context["here"] == page
    right = client.post(f"{page}repair/", {"row": 4, "phone": "13900000004", "verdict": "refused"})
    assert right["Location"] == f"{page}?verdict=refused&page=2#bad-row-5"
    assert rows(client.get(right["Location"])) == ["5", "6"]
    client.post(f"{page}repair/", {"row": 5, "leave_out": "1", "verdict": "refused"})
    last = client.post(f"{page}repair/", {"row": 6, "phone": "13900000006", "verdict": "refused"})
    assert last["Location"] == f"{page}?verdict=refused#bad-row-3", "none is left on the page: the one before"
    assert rows(client.get(last["Location"])) == ["2", "3"]
    assert 'rel="prev"' not in client.get(last["Location"]).content.decode()
    following = client.post(f"{page}repair/", {"row": 2, "phone": "13900000002"})
    assert following["Location"] == f"{page}#bad-row-3", "without a filter, all rows are shown, and these first"
    assert client.post(f"{page}repair/", {"row": 3, "phone": "13900000003"})["Location"] == page


def test_an_undo_names_whom_it_can_t_let_in_again(client_of, alice, tenant, lin, wang):
    client = client_of(alice)
    heading = ["姓名", "邮箱前缀", "手机号"]
    rows = [["林晓", "linxiao", "13900000001"], ["王芳", "wangfang", "13900000002"]]
    page = checked(client, tenant, xlsx(*rows, headings=heading), mode="update")
    applied(client, page)
    client.post(f"{page}undo/")
    work_on_imports()
    html = client.get(page).content.decode()
    lin.refresh_from_db()
    assert (lin.phone, lin.status) == ("+8613800138001", "pending")
    excerpt = html[html.index("Undone, but was signed out by the import") :].partition("</section>")[0]
    assert "林晓" in excerpt
    assert "They have to join again." in excerpt
    assert "王芳" not in excerpt


def test_a_row_that_another_import_made_true_meanwhile_is_unchanged(client_of, alice, tenant):
    client = client_of(alice)
    content = xlsx(person(1, departments="市场部/华东组"), person(2), person(3, aliases="mm3"))
    first, second = checked(client, tenant, content), checked(client, tenant, content)
    assert counts(applied(client, first)) == figures(created=3)
    Member.objects.filter(name="成员2").update(position="会计")
    assert counts(applied(client, second)) == figures(unchanged=2, refused=1)
    assert "belongs to 成员2" in client.get(second).content.decode()
    assert Member.objects.count() == 3


def test_another_enterprise_sees_nothing_of_it(client_of, alice, charlie, tenant):
    page = checked(client_of(alice), tenant, xlsx(person(1)))
    for action in ("", "failed.xlsx"):
        assert client_of(charlie).get(page + action).status_code == 404
    for action in ("apply/", "cancel/", "repair/", "invite/", "undo/"):
        assert client_of(charlie).post(page + action).status_code == 404


def test_an_auditor_reads_it_without_phones_and_does_nothing(client_of, alice, erin, tenant, wang):
    rows = [
        person(1, phone="1 3 8-0013 8002"),
        person(2, phone="1 3 9-0000 0002", position="13900000003"),
        person(3, name="13700000003", prefix="wangfang", phone=""),
    ]
    page = checked(client_of(alice), tenant, xlsx(*rows))
    client = client_of(erin)
    html = client.get(page).content.decode()
    assert counts(html) == figures(created=1, refused=2)
    assert "138****8002 belongs to 王芳" in html
    main = html[html.index("<main") :]
    assert not re.search(r"\d(?:[ -]{0,3}\d){9,}", re.sub(r"<[^>]*>", "|", main))
    assert "<form" not in main
    assert "failed.xlsx" not in main
    history = client.get(URL).content.decode()
    assert page in history
    assert 'type="file"' not in history
    for action in ("apply/", "cancel/", "repair/", "invite/", "undo/", "codes.xlsx"):
        assert client.post(page + action).status_code in {403, 404}
    assert client.get(f"{page}failed.xlsx").status_code == 403
    assert client.post(URL).status_code == 403


def test_an_author_without_permission_imports_nothing_more(client_of, dora, tenant):
    client = client_of(dora)
    page = checked(client, tenant, xlsx(person(1)))
    client.post(f"{page}apply/")
    dora.roles.update(name="auditor")
    work_on_imports()
    imported = Import.objects.get()
    assert (imported.state, imported.not_reached) == ("cancelled", 1)
    assert not Member.objects.exists()


def test_files_and_cells_expire_but_results_stay(client_of, alice, tenant, settings):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2, phone="x")))
    applied(client, page)
    Import.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert erase_old_imports() == 1
    assert not list(settings.IMPORT_DIR.glob("*"))
    html = client.get(page).content.decode()
    assert counts(html) == figures(created=1, refused=1)
    assert f'action="{page}undo/"' not in html
    imported = Import.objects.get()
    assert list(imported.rows.values_list("cells", "facts", "previous")) == [(None, None, None)] * 2
    assert imported.rows.get(number=3).problems
    assert imported.rows.get(number=2).member.name == "成员1"


def test_a_file_that_is_too_large_is_refused_before_it_is_read(client_of, alice, tenant, settings):
    settings.IMPORT_FILE_BYTES = 1000
    client = client_of(alice)
    client.handler.enforce_csrf_checks = True
    client.get(URL)
    fields = {"csrfmiddlewaretoken": client.cookies["csrf"].value, "file": upload(b"PK" * 100_000)}
    answer = client.post(URL, fields | {"department": tenant.root.pk, "mode": "create"})
    assert answer.status_code == 422
    assert "The file is too large" in answer.content.decode()
    assert "This field is required" not in answer.content.decode()
    assert not Import.objects.exists()


def test_two_files_in_one_field_are_one_import(client_of, alice, tenant):
    files = [upload(xlsx(person(1)), "first.xlsx"), upload(xlsx(person(2)), "second.xlsx")]
    client_of(alice).post(URL, {"file": files, "department": tenant.root.pk, "mode": "create"})
    assert Import.objects.get().file_name == "second.xlsx"


def test_the_history_is_searched_and_paged(client_of, alice, dora, tenant):
    by_hand = {"enterprise": tenant.enterprise, "mode": "create", "department_name": "x", "language": "en"}
    for number in range(25):
        Import.objects.create(file_name=f"list-{number:02d}.xlsx", author=dora, author_name="Dora", **by_hand)
    Import.objects.create(file_name="花名册.xlsx", author=alice, author_name="Alice", **by_hand)
    client = client_of(alice)
    first = client.get(URL).content.decode()
    assert first.count("data-id=") == 20
    assert "26 imports" in first
    second = client.get(URL + re.search(r'rel="next" href="([^"]+)"', first)[1]).content.decode()
    assert re.findall(r"list-(\d\d)", second) == ["05", "04", "03", "02", "01", "00"]
    assert client.get(URL, {"q": "花名"}).content.decode().count("data-id=") == 1
    assert client.get(URL, {"q": "dora"}).content.decode().count("data-id=") == 20
    assert "No matching imports" in client.get(URL, {"q": "nothing"}).content.decode()


def test_what_is_only_planned_is_not_called_created_in_the_history(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1)))
    cell = re.compile(r'data-label="Added">\s*([^<]*?)\s*<')
    assert cell.findall(client.get(URL).content.decode()) == ["–"]
    applied(client, page)
    assert cell.findall(client.get(URL).content.decode()) == ["1"]


def test_bad_rows_are_paged_by_their_number(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(*(person(number, phone="x") for number in range(230))))
    numbers, url = [], page
    for _ in range(3):
        html = client.get(url).content.decode()
        numbers.append([int(number) for number in re.findall(r'data-row="(\d+)"', html)])
        link = re.search(r'rel="next" href="([^"]+)"', html)
        url = link[1] if link else ""
    assert not url
    assert [len(one) for one in numbers] == [100, 100, 30]
    assert [number for one in numbers for number in one] == list(range(2, 232))
    back = client.get(re.search(r'rel="prev" href="([^"]+)"', html)[1]).content.decode()
    assert [int(number) for number in re.findall(r'data-row="(\d+)"', back)] == numbers[1]


def test_a_row_that_does_not_exist_is_neither_repaired_nor_left_out(client_of, alice, tenant):
    client = client_of(alice)
    page = checked(client, tenant, xlsx(person(1), person(2, phone="x")))
    for fields in ({"phone": "13900000009"}, {"leave_out": "1"}):
        for row in ("", "0", "-1", "1", "4", "99999", "9" * 40):
            answer = client.post(f"{page}repair/", {"row": row} | fields, follow=True)
            assert "This row doesn&#x27;t exist." in answer.content.decode(), (row, fields)
    imported = Import.objects.get()
    assert (imported.repairs, imported.skipped_rows, imported.state) == ({}, [], "ready")
    client.post(f"{page}repair/", {"row": "2", "leave_out": "1"})
    html = client.get(page).content.decode()
    assert counts(html) == figures(left_out=1, refused=1), "a row that is only planned"
