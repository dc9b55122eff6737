"""The demo's owner, whose password is set by DEMO_PASSWORD or printed at the first start."""

import io
import secrets
import string

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

DEMO_LOGIN = "owner"
PASSWORD_LENGTH = 12


def prepare_demo() -> str:
    """Fill an empty database with the demo. Return how its owner signs in."""
    chosen = settings.DEMO_PASSWORD
    if not apps.get_model("accounts.Enterprise").objects.exists():
        settings.DEMO_PASSWORD = chosen or random_password()
        call_command("seed_demo", stdout=io.StringIO())
        return f"Sign in as {DEMO_LOGIN} with the password {settings.DEMO_PASSWORD}"
    if chosen and change_password(chosen):
        return f"Sign in as {DEMO_LOGIN} with the password of DEMO_PASSWORD."
    return (
        f"Sign in as {DEMO_LOGIN} with the password printed at the first start; "
        "`DEMO_PASSWORD=… make run` sets another."
    )


def random_password() -> str:
    """Return letters and digits only, which a double click selects."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(PASSWORD_LENGTH))


def change_password(password: str) -> bool:
    """Set the password of the demo's owner. Return False if there is none."""
    owner = get_user_model().objects.filter(login=DEMO_LOGIN, roles__enterprise__is_demo=True).first()
    if owner is None:
        return False
    if not owner.check_password(password):
        owner.set_password(password)
        owner.save(update_fields=["password"])
    return True
