"""Tables that refer to allauth's sessions, which refer to our users: hence a migration of their own."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="QrSignIn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "token",
                    models.CharField(default=accounts.models.new_qr_token, max_length=22, unique=True),
                ),
                ("browser", models.CharField(db_index=True, max_length=64)),
                ("number", models.CharField(default=accounts.models.new_qr_number, max_length=2)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("scanned", "Scanned"),
                            ("approved", "Approved"),
                            ("claimed", "Claimed"),
                            ("declined", "Declined"),
                            ("expired", "Expired"),
                        ],
                        default="new",
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("polled_at", models.DateTimeField(null=True)),
                ("ip", models.GenericIPAddressField()),
                ("user_agent", models.CharField(blank=True, max_length=200)),
                ("renewals", models.PositiveSmallIntegerField(default=0)),
                ("is_renewed", models.BooleanField(default=False)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("is_number_required", models.BooleanField(default=False)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "enterprise",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.enterprise",
                    ),
                ),
                ("session_key", models.CharField(blank=True, max_length=40)),
                ("approved_with", models.CharField(blank=True, max_length=200)),
                (
                    "device",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="usersessions.usersession",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("user__isnull", False),
                            models.Q(("state__in", ["scanned", "approved", "claimed", "declined"]), _negated=True),
                            _connector="OR",
                        ),
                        name="qr_sign_in_goes_on_by_a_scanner",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("enterprise__isnull", False), models.Q(("session_key", ""), _negated=True)),
                            models.Q(("state__in", ["approved", "claimed"]), _negated=True),
                            _connector="OR",
                        ),
                        name="qr_sign_in_is_approved_from_a_session",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ScannedSession",
            fields=[
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="scanned",
                        serialize=False,
                        to="usersessions.usersession",
                    ),
                ),
                ("approved_with", models.CharField(blank=True, max_length=200)),
                ("is_known", models.BooleanField(default=False)),
            ],
        ),
    ]
