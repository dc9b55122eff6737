"""The stage of allauth's login that asks for the second factor."""

from __future__ import annotations

from allauth.account.stages import LoginStage
from django.http import HttpResponse

from accounts.models import User
from accounts.second_factor.factors import has_factor
from core.responses import see_other


class FactorStage(LoginStage):
    """Redirect users with a second factor to our page before the session is opened."""

    key = "factor"
    urlname = "accounts:login_factor"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if not isinstance(self.login.user, User) or not has_factor(self.login.user):
            return None, True
        return see_other(self.urlname), True
