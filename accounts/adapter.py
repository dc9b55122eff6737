"""How allauth behaves here: it carries a proven password through its login stages, and we open the session."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from accounts.answers import see_other
from accounts.browsers import client_address
from accounts.sign_in import open_session


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """All stages are passed (a second factor will be one)."""
        open_session(request, user, method="password")  # type: ignore[arg-type]

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **login: Any) -> HttpResponse:
        return see_other(login["redirect_url"])
