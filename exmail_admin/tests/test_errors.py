"""Error pages, in both languages, with a link to continue."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.test import Client
from django.urls import include, path

from accounts.models import Enterprise, Role

RAISES = {400: SuspiciousOperation, 403: PermissionDenied, 404: Http404, 500: RuntimeError}


def break_with(status):
    def view(request):
        if request.GET.get("role"):
            request.enterprise, request.role = Enterprise(name="示例科技"), Role(name="owner")
        raise RAISES[status]

    return view


urlpatterns = [path("", include("exmail_admin.urls"))] + [path(f"{status}/", break_with(status)) for status in RAISES]
handler400 = "exmail_admin.views.bad_request"
handler403 = "exmail_admin.views.permission_denied"
handler404 = "exmail_admin.views.not_found"
handler500 = "exmail_admin.views.server_error"


@pytest.fixture
def visitor(settings, db):
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("status", RAISES)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_error_page_says_what_to_do(visitor, status, language):
    answer = visitor.get(f"/{status}/", headers={"Accept-Language": language})
    page = answer.content.decode()
    assert answer.status_code == status
    assert "<h1>" in page
    assert 'class="button button--primary' in page


def test_error_in_the_console_stands_in_its_shell(visitor):
    page = visitor.get("/404/?role=1").content.decode()
    assert 'class="navigation"' in page
    assert page.count("<h1>") == 1


def test_error_outside_stands_in_the_public_shell(visitor):
    assert 'class="navigation"' not in visitor.get("/404/").content.decode()


def test_broken_server_asks_the_database_nothing(visitor, django_assert_num_queries):
    with django_assert_num_queries(0):
        visitor.get("/500/")


def test_missing_token_is_explained(settings, db):
    answer = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})
    assert answer.status_code == 403
    assert "<h1>" in answer.content.decode()


def test_form_with_too_many_fields_gets_a_page(db):
    answer = Client().post("/theme/", {f"field-{number}": "x" for number in range(1001)})
    assert answer.status_code == 400
    assert 'class="button button--primary' in answer.content.decode()
