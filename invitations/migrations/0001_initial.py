"""The tables of invitations."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("accounts", "__first__"),
        ("directory", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="JoinSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="join_settings",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "approval_required",
                    models.BooleanField(default=True, verbose_name="approval by an administrator required"),
                ),
                (
                    "default_department",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="directory.department",
                    ),
                ),
                (
                    "default_domain",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.domain"
                    ),
                ),
                ("privacy_notice", models.TextField(blank=True, max_length=4000, verbose_name="privacy notice")),
            ],
            options={
                "verbose_name_plural": "join settings",
            },
        ),
        migrations.CreateModel(
            name="PrivacyNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="privacy_notices",
                        to="accounts.enterprise",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("enterprise", "number"), name="privacy_notice_number_in_enterprise")
                ],
            },
        ),
        migrations.CreateModel(
            name="JoinLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="join_links", to="accounts.enterprise"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=64, verbose_name="name")),
                (
                    "inviter",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="join_links",
                        to="directory.member",
                    ),
                ),
                ("token_digest", models.CharField(max_length=64, unique=True)),
                ("encrypted_token", models.TextField()),
                (
                    "department",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="directory.department",
                    ),
                ),
                (
                    "domain",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.domain"
                    ),
                ),
                ("approval_required", models.BooleanField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("uses_max", models.PositiveIntegerField(null=True)),
                ("uses", models.PositiveIntegerField(default=0)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "join links",
                "indexes": [models.Index(fields=["enterprise", "-id"], name="join_link_of_enterprise")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("inviter", None), ("name", ""), ("revoked_at", None)),
                        fields=("enterprise",),
                        name="join_link_one_default_in_enterprise",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at", None)),
                        fields=("inviter",),
                        name="join_link_one_active_of_a_colleague",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(models.Q(("name", ""), _negated=True), ("revoked_at", None)),
                        fields=("enterprise", "name"),
                        name="join_link_name_unique_among_active",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Application",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="applications",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="applications",
                        to="invitations.joinlink",
                    ),
                ),
                (
                    "inviter",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="directory.member"
                    ),
                ),
                ("name", models.CharField(max_length=64, verbose_name="name")),
                ("phone", models.CharField(max_length=16, verbose_name="phone")),
                ("prefix", models.CharField(max_length=64, verbose_name="mailbox prefix")),
                (
                    "domain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.domain"
                    ),
                ),
                (
                    "department",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="directory.department",
                    ),
                ),
                (
                    "address",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="application",
                        to="directory.address",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting for approval"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("pinyin", models.CharField(max_length=400)),
                ("initials", models.CharField(max_length=64)),
                ("folded_name", models.CharField(max_length=128)),
                ("consented_at", models.DateTimeField()),
                (
                    "consented_to",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="invitations.privacynotice",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "member",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="applications",
                        to="directory.member",
                    ),
                ),
                ("token_digest", models.CharField(max_length=64, null=True, unique=True)),
            ],
            options={
                "verbose_name_plural": "join requests",
                "indexes": [
                    models.Index(fields=["enterprise", "state", "-id"], name="application_by_state"),
                    models.Index(fields=["phone", "created_at"], name="application_of_phone"),
                    models.Index(
                        condition=models.Q(("state__in", ["rejected", "withdrawn"])),
                        fields=["decided_at"],
                        name="application_not_admitted",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "pending")),
                        fields=("enterprise", "phone"),
                        name="application_phone_unique_among_pending",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("address__isnull", False), ("state", "pending")),
                            models.Q(models.Q(("state", "pending"), _negated=True), ("address__isnull", True)),
                            _connector="OR",
                        ),
                        name="application_holds_an_address_exactly_while_it_waits",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lease", models.CharField(blank=True, max_length=32)),
                ("lease_until", models.DateTimeField(null=True)),
                ("turn_ended_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                (
                    "enterprise",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="decisions",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("author_name", models.CharField(max_length=64)),
                ("verdict", models.CharField(choices=[("approved", "Approve"), ("rejected", "Reject")], max_length=16)),
                ("reason", models.CharField(blank=True, max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[("working", "In progress"), ("done", "Done")], default="working", max_length=16
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["enterprise", "-id"], name="decision_of_enterprise")],
            },
        ),
        migrations.CreateModel(
            name="DecisionItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "decision",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="invitations.decision",
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="invitations.application"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Done"), ("left_out", "Skipped")],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("why", models.JSONField(blank=True, default=list)),
            ],
            options={
                "indexes": [models.Index(fields=["decision", "state", "id"], name="decision_item_by_state")],
                "constraints": [models.UniqueConstraint(fields=("decision", "application"), name="decision_item_once")],
            },
        ),
        migrations.CreateModel(
            name="InvitationBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lease", models.CharField(blank=True, max_length=32)),
                ("lease_until", models.DateTimeField(null=True)),
                ("turn_ended_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                (
                    "enterprise",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitation_batches",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("author_name", models.CharField(max_length=64)),
                ("chosen_by", models.CharField(blank=True, max_length=16)),
                ("about", models.CharField(blank=True, max_length=200)),
                ("includes_recent", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("sending", "Sending"), ("done", "Done")], default="sending", max_length=16
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["enterprise", "-id"], name="invitation_batch_of_enterprise")],
            },
        ),
        migrations.CreateModel(
            name="QuietHours",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="quiet_hours",
                        to="accounts.enterprise",
                    ),
                ),
                ("begins", models.TimeField()),
                ("ends", models.TimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("begins", models.F("ends")), _negated=True), name="quiet_hours_leave_some"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Recipient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "batch",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recipients",
                        to="invitations.invitationbatch",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batch_recipients",
                        to="directory.member",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("sent", "Invited"), ("left_out", "Skipped")],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                (
                    "invitation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="directory.invitation",
                    ),
                ),
                ("why", models.JSONField(blank=True, default=list)),
                ("sent_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["batch", "id"], name="recipient_of_batch"),
                    models.Index(fields=["member", "sent_at"], name="recipient_by_time"),
                ],
                "constraints": [models.UniqueConstraint(fields=("batch", "member"), name="recipient_once_in_a_batch")],
            },
        ),
    ]
