"""How allauth behaves here: it carries a proven password through its login stages, and we open the session."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.stages import LoginStage
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from accounts.answers import see_other
from accounts.browsers import client_address
from accounts.factors import has_factor
from accounts.models import User
from accounts.sign_in import current_enterprise, open_session
from sms.seal import seal, unseal
from sms.texts import BRAND


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def get_login_stages(self) -> list[str]:
        return ["accounts.adapter.FactorStage"]

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """All stages are passed."""
        assert isinstance(user, User)
        open_session(request, user, method="password")

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **login: Any) -> HttpResponse:
        return see_other(login["redirect_url"])


class FactorStage(LoginStage):
    """Who has a second factor is asked for it before the session is opened; the page is ours."""

    key = "factor"
    urlname = "accounts:login_factor"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if not isinstance(self.login.user, User) or not has_factor(self.login.user):
            return None, True
        return see_other(self.urlname), True


class FactorAdapter(DefaultMFAAdapter):
    """Secrets are sealed at rest; what an authenticator app or a device shows are the product's words."""

    def encrypt(self, text: str) -> str:
        return seal({"secret": text}, use="factor")

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, use="factor")["secret"]

    def get_totp_issuer(self) -> str:
        enterprise = current_enterprise(context.request)
        return enterprise.name if enterprise else str(BRAND)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return super().get_public_key_credential_rp_entity() | {"name": str(BRAND)}

    def get_public_key_credential_user_entity(self, user: AbstractBaseUser) -> dict[str, Any]:
        shown = {"name": self._get_user_identifier(user), "display_name": str(user)}
        return super().get_public_key_credential_user_entity(user) | shown

    def _get_user_identifier(self, user: AbstractBaseUser) -> str:
        return user.get_username() or str(user)

    def _get_site_name(self) -> str:
        return str(BRAND)
