"""Users and their roles."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from accounts.models.enterprise import Enterprise

LOGIN_MAX = 318


class UserManager(BaseUserManager["User"]):
    def create_user(
        self,
        *,
        login: str | None = None,
        password: str | None = None,
        phone: str | None = None,
        name: str = "",
    ) -> User:
        """Create a user with a `login`, a `phone` (E.164, already proven by a code), or both."""
        user = self.model(login=login.lower() if login else None, phone=phone, name=name)
        user.set_password(password) if password else user.set_unusable_password()
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(login=(username or "").lower())


class User(AbstractBaseUser):
    """A person who signs in with a verified phone, or with a login and password, to any number of enterprises."""

    # Chosen freely, or a mailbox address: 64 characters, @, and a domain of 253.
    login = models.CharField(_("login"), max_length=LOGIN_MAX, null=True, unique=True)
    phone = PhoneNumberField(_("phone"), null=True, unique=True)
    name = models.CharField(_("name"), max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "login"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(login=Lower("login")), name="user_login_is_lower_case"),
            models.CheckConstraint(
                condition=Q(login__isnull=False) | Q(phone__isnull=False), name="user_has_login_or_phone"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.login or f"user {self.pk}"


class Role(models.Model):
    """A user's role in an enterprise."""

    # In descending order of rank.
    class Name(models.TextChoices):
        OWNER = "owner", _("Owner")
        ADMIN = "admin", _("Administrator")
        DEPARTMENT_ADMIN = "department_admin", _("Department administrator")
        AUDITOR = "auditor", _("Auditor")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="roles")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=16, choices=Name)
    last_entered_at = models.DateTimeField(null=True)
    # When the role was given, or last lost permissions or departments: what was started before may name others.
    reach_since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "enterprise"], name="role_one_in_an_enterprise"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.name}"
