"""Samples for the components page: every state, with names and addresses of maximum length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django import forms

from directory.models import Member
from sms.models import Message

LONG_NAME = "欧阳" + "上官诸葛司马慕容" * 7 + "明月清风长江"
LONG_ADDRESS = "a" * 64 + "@" + "post." * 12 + "example.com"
DEPARTMENTS = [
    "示例科技有限公司",
    "示例科技有限公司/市场部",
    "示例科技有限公司/市场部/华东组",
    "示例科技有限公司/产品研发中心",
]


class BenchForm(forms.Form):
    """Every kind of field the console uses."""

    name = forms.CharField(label="姓名 Name", max_length=64)
    position = forms.CharField(
        label="职务 Position", required=False, help_text="显示在通讯录中。Shown in the directory."
    )
    phone = forms.CharField(label="手机号 Phone", widget=forms.TextInput(attrs={"type": "tel"}))
    password = forms.CharField(label="密码 Password", widget=forms.PasswordInput)
    prefix = forms.CharField(label="邮箱 Mailbox")  # type: ignore[assignment]  # the field, not Form.prefix
    domain = forms.ChoiceField(
        label="邮箱域名 Domain", choices=[("example.com", "example.com"), ("mail.example.cn", "mail.example.cn")]
    )
    code = forms.CharField(label="短信验证码 Code from the SMS")
    departments = forms.MultipleChoiceField(label="部门 Departments", choices=list(enumerate(DEPARTMENTS)))
    main_department = forms.ChoiceField(label="主部门 Main department", choices=list(enumerate(DEPARTMENTS)))
    activation = forms.ChoiceField(
        label="成员激活方式 Activation",
        choices=[("phone", "用手机号激活 By phone"), ("code", "用激活码激活 By activation code")],
        widget=forms.RadioSelect,
        help_text="用手机号激活时必须填写手机号。",
    )
    send_invitation = forms.BooleanField(label="通过短信发送企业邀请 Send the invitation by SMS", required=False)
    aliases = forms.CharField(label="别名 Aliases", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    locked = forms.CharField(label="帐号 Account", disabled=True, required=False, initial="zhangwei")


def bench_context() -> dict[str, Any]:
    """Return the page's context. The sample objects are not saved."""
    return {
        "blank": BenchForm(auto_id="blank_%s", initial={"name": "孙丽", "departments": ["1"], "activation": "phone"}),
        "refused": refused_form(),
        "members": specimen_members(),
        "messages_shown": [Message(state=state) for state in Message.State.values],
        "tones": ["neutral", "accent", "good", "warn", "bad"],
        "variants": ["primary", "secondary", "quiet", "danger"],
        "labels": ["验证手机", "确认资料", "完成"],
        "page": SimpleNamespace(count_text="共 128 人", previous_url="", next_url="?after=1"),
        "long_name": LONG_NAME,
        "long_address": LONG_ADDRESS,
    }


def refused_form() -> BenchForm:
    form = BenchForm({"name": LONG_NAME, "prefix": "a" * 64, "domain": "example.com"}, auto_id="refused_%s")
    form.add_error("prefix", f"{LONG_ADDRESS} 已被 李四（市场部，未加入）使用。")
    form.add_error(None, "这名成员未保存：请修改标出的项。")
    return form


def specimen_members() -> list[dict[str, Any]]:
    """Return rows as in the list of members."""
    rows = [
        ("张伟", "zhangwei@example.com", "138 0013 8000", "华东组", Member(status="active")),
        (
            "Alice Johnson",
            "alice@example.com",
            "+1 415-555-2671",
            "人力资源部",
            Member(status="pending", invited_at="x"),
        ),
        ("李娜", "lina@example.com", "137 8765 4321", "市场部", Member(status="pending")),
        ("‮<script>alert(1)</script>", "naughty@example.com", "", "产品研发中心", Member(status="disabled")),
        (LONG_NAME, LONG_ADDRESS, "133 0000 9999", DEPARTMENTS[2], Member(status="active")),
    ]
    names = ("name", "address", "phone", "department", "member")
    return [dict(zip(names, row, strict=True), id=number) for number, row in enumerate(rows, 1)]
