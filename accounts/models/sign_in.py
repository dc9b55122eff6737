"""Failed sign-in attempts and known browsers."""

from __future__ import annotations

from django.db import models

from accounts.models.enterprise import Enterprise
from accounts.models.users import User


class AttemptCounter(models.Model):
    """Failed attempts of one login, browser, address or user; see accounts.sign_in.attempt_limits."""

    key = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField(default=0)
    wait_until = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.failures} failures"


class KnownBrowser(models.Model):
    """A browser in which a user entered an enterprise; see accounts.sign_in.known_browsers."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_browsers")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, unique=True)
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"a browser of {self.user_id} in {self.enterprise_id}"
