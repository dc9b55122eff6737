"""The tables of sms."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


def index_phone_tails(apps, schema_editor):
    """Let PostgreSQL find the messages of an enterprise by the last digits of the phone (accounts.messages.list)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            'CREATE INDEX message_by_phone_tail ON sms_message (enterprise_id, (reverse("to") COLLATE "C"))'
        )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sms_messages",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("invitation", "Invitation"), ("code", "Verification code"), ("decision", "Decision")],
                        max_length=16,
                    ),
                ),
                ("purpose", models.CharField(max_length=16)),
                ("subject", models.CharField(max_length=64)),
                ("logical_no", models.PositiveIntegerField(default=1)),
                ("to", models.CharField(max_length=16)),
                ("is_proven", models.BooleanField(default=False)),
                ("language", models.CharField(max_length=16)),
                ("template", models.CharField(max_length=32)),
                ("params", models.JSONField(default=dict)),
                ("encrypted", models.TextField(blank=True)),
                ("text", models.TextField()),
                ("gateway", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("claimed", "Sending"),
                            ("retry_wait", "Will retry"),
                            ("sent", "Sent"),
                            ("delivered", "Delivered"),
                            ("undelivered", "Not delivered"),
                            ("rejected", "Rejected by provider"),
                            ("unknown", "Outcome unknown"),
                            ("cancelled", "Canceled"),
                            ("expired", "Expired"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("provider_id", models.CharField(blank=True, max_length=64)),
                ("provider_status", models.CharField(blank=True, max_length=32)),
                ("retried_at", models.DateTimeField(null=True)),
                ("claim", models.UUIDField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["enterprise", "-id"], name="message_of_enterprise"),
                    models.Index(fields=["to"], name="message_by_number"),
                    models.Index(
                        condition=models.Q(("state__in", ["rejected", "unknown", "undelivered"])),
                        fields=["enterprise", "created_at"],
                        name="message_failed",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ["pending", "retry_wait"])),
                        fields=["kind", "gateway", "id"],
                        name="message_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("state", "claimed")), fields=["lease_until"], name="message_leased"
                    ),
                    models.Index(condition=models.Q(("state", "claimed")), fields=["claim"], name="message_claim"),
                    models.Index(
                        condition=models.Q(("provider_id", ""), _negated=True),
                        fields=["provider_id"],
                        name="message_by_provider_id",
                    ),
                    models.Index(
                        condition=models.Q(("state", "unknown")), fields=["next_attempt_at"], name="message_to_look_up"
                    ),
                    models.Index(
                        condition=models.Q(("kind", "code")), fields=["to", "settled_at"], name="message_code_of_number"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("purpose", "subject", "logical_no"), name="message_promised_once_for_its_subject"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DeliveryReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider_id", models.CharField(max_length=64, unique=True)),
                ("status", models.CharField(max_length=32)),
                ("error", models.CharField(blank=True, max_length=16)),
                ("received_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="GatewayHealth",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gateway", models.CharField(max_length=16, unique=True)),
                ("failed_at", models.JSONField(default=list)),
                ("open_since", models.DateTimeField(null=True)),
                ("next_probe_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PhoneCode",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("phone", models.CharField(max_length=16)),
                ("purpose", models.CharField(max_length=16)),
                ("subject", models.CharField(blank=True, max_length=64)),
                ("browser", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=64)),
                ("serial", models.PositiveSmallIntegerField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("is_decoy", models.BooleanField(default=False)),
                (
                    "door",
                    models.CharField(choices=[("anonymous", "Anonymous"), ("proven", "Proven")], max_length=16),
                ),
                ("address_block", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("consumed_at", models.DateTimeField(null=True)),
                ("superseded_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["phone", "created_at"], name="phone_code_of_phone"),
                    models.Index(fields=["browser", "created_at"], name="phone_code_of_browser"),
                    models.Index(fields=["address_block", "created_at"], name="phone_code_of_block"),
                    models.Index(fields=["created_at"], name="phone_code_age"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PhoneAttemptCounter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("phone", models.CharField(max_length=16)),
                (
                    "door",
                    models.CharField(choices=[("anonymous", "Anonymous"), ("proven", "Proven")], max_length=16),
                ),
                ("failures", models.PositiveIntegerField(default=0)),
                ("wait_until", models.DateTimeField(null=True)),
                ("serial", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("phone", "door"), name="attempts_counted_once_per_door")
                ],
            },
        ),
        migrations.CreateModel(
            name="Alarm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=80, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            (
                                "nearly_spent",
                                "Many verification codes were requested and not entered: four fifths of the limit.",
                            ),
                            (
                                "spent",
                                "Too many verification codes were requested and not entered. For now, new browsers get few "
                                "or none.",
                            ),
                            (
                                "conversion",
                                "Few of the recently sent codes were entered. Someone may be abusing the pages.",
                            ),
                            (
                                "row",
                                "Someone requested codes for consecutive phone numbers, possibly to profit "
                                "from the SMS charges.",
                            ),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "enterprise",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.enterprise",
                    ),
                ),
                ("raised_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="UsedChallenge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("nonce", models.CharField(max_length=16, unique=True)),
                ("spent_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunPython(index_phone_tails, migrations.RunPython.noop),
    ]
