"""The console's navigation: items by role, and the current item."""

import re

import pytest


def labels_of(page: str) -> list[str]:
    navigation = page[page.index('<nav class="navigation"') :]
    return re.findall(r"<span>([^<]+)</span>\s*</a>", navigation[: navigation.index("</nav>")])


@pytest.fixture
def visit(client_of):
    def visit(user, path):
        return client_of(user).get(path, headers={"Accept-Language": "en"}).content.decode()

    return visit


def test_owner_sees_every_room(visit, alice):
    assert labels_of(visit(alice, "/console/")) == [
        "Overview", "Directory", "Departments", "Import members", "Invitations", "Join requests",
        "Join settings", "SMS log", "Administrators", "Activity log", "Mail domains", "Enterprise settings",
    ]  # fmt: skip


AUDITORS = [
    "Overview", "Directory", "Import members", "Invitations", "Join requests", "Join settings", "SMS log",
    "Administrators", "Activity log", "Mail domains", "Enterprise settings",
]  # fmt: skip


def test_auditor_sees_what_they_may_read(visit, erin):
    assert labels_of(visit(erin, "/console/")) == AUDITORS


def test_department_administrator_sees_their_people(visit, bob):
    assert labels_of(visit(bob, "/console/")) == [
        "Overview",
        "Directory",
        "Import members",
        "Invitations",
        "Join requests",
    ]


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/console/", "Overview"),
        ("/console/members/new/", "Directory"),
        ("/console/settings/", "Enterprise settings"),
        ("/console/settings/domains/", "Mail domains"),
    ],
)
def test_the_current_item_is_marked(visit, alice, path, label):
    marked = re.findall(r'aria-current="page">.*?<span>([^<]+)</span>', visit(alice, path), re.DOTALL)
    assert marked == [label]


def test_title_is_the_heading_too(visit, alice):
    page = visit(alice, "/console/members/new/")
    assert "<title>Add member" in page
    assert "<h1>Add member</h1>" in page


def test_page_that_is_not_theirs_stands_in_their_console(visit, erin):
    assert labels_of(visit(erin, "/console/members/new/")) == AUDITORS
