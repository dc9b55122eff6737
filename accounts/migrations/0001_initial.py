"""The tables of accounts, and what PostgreSQL needs besides."""

import django.db.models.deletion
import django.db.models.functions.text
import phonenumber_field.modelfields
from django.conf import settings
from django.db import migrations, models


def index_names(apps, schema_editor):
    """Index how names in the audit log begin, byte by byte, on PostgreSQL. Erasing `personal` empties these too."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for key in ("actor", "target"):
        schema_editor.execute(
            f"CREATE INDEX audit_event_by_{key}_name ON accounts_auditevent "
            f"(enterprise_id, (lower(personal ->> '{key}') COLLATE \"C\"), number)"
        )


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Enterprise",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, verbose_name="name")),
                ("region", models.CharField(default="CN", max_length=2, verbose_name="phone number region")),
                ("language", models.CharField(default="zh-hans", max_length=16, verbose_name="SMS language")),
                ("time_zone", models.CharField(default="Asia/Shanghai", max_length=64, verbose_name="time zone")),
                (
                    "code_rule",
                    models.CharField(
                        choices=[
                            ("everyone", "All members"),
                            ("abroad", "Only numbers outside mainland China and members who joined before this rule"),
                        ],
                        default="everyone",
                        max_length=16,
                        verbose_name="phone code",
                    ),
                ),
                ("code_rule_since", models.DateTimeField(null=True)),
                ("is_joining_open", models.BooleanField(default=False)),
                ("is_demo", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("code_rule", "everyone"), ("code_rule_since", None)),
                            models.Q(("code_rule", "abroad"), ("code_rule_since__isnull", False)),
                            _connector="OR",
                        ),
                        name="enterprise_rule_on_codes_holds_since_a_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditChain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="audit_chain",
                        to="accounts.enterprise",
                    ),
                ),
                ("length", models.PositiveBigIntegerField(default=0)),
                ("head", models.CharField(blank=True, max_length=64)),
                ("earlier_end", models.JSONField(null=True)),
                ("key_id", models.CharField(blank=True, max_length=8)),
                ("mac", models.CharField(blank=True, max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "enterprise_id", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "enterprise",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_events",
                        to="accounts.enterprise",
                    ),
                ),
                ("number", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField()),
                ("actor_user_id", models.BigIntegerField(null=True)),
                ("role", models.CharField(blank=True, max_length=16)),
                ("via", models.CharField(max_length=16)),
                ("ip", models.CharField(blank=True, max_length=45)),
                ("user_agent", models.CharField(blank=True, max_length=200)),
                ("request_id", models.CharField(blank=True, max_length=36)),
                ("action", models.CharField(max_length=40)),
                ("target_type", models.CharField(max_length=40)),
                ("target_id", models.CharField(max_length=40)),
                ("personal", models.JSONField(null=True)),
                ("personal_digest", models.CharField(max_length=64)),
                ("erased", models.TextField(blank=True)),
                ("key_id", models.CharField(max_length=8)),
                ("previous", models.CharField(blank=True, max_length=64)),
                ("digest", models.CharField(max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["enterprise", "action", "number"], name="audit_event_by_action"),
                    models.Index(fields=["actor_user_id", "enterprise", "number"], name="audit_event_by_actor"),
                    models.Index(fields=["enterprise", "target_id", "number"], name="audit_event_by_target"),
                    models.Index(fields=["enterprise", "target_type", "number"], name="audit_event_by_target_type"),
                    models.Index(fields=["enterprise", "via", "number"], name="audit_event_by_via"),
                    models.Index(fields=["enterprise", "at", "number"], name="audit_event_by_time"),
                    models.Index(fields=["enterprise", "request_id"], name="audit_event_by_request"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("digest", models.F("previous")), _negated=True),
                        name="audit_event_digest_moves_on",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lease", models.CharField(blank=True, max_length=32)),
                ("lease_until", models.DateTimeField(null=True)),
                ("turn_ended_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                (
                    "enterprise",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="audit_check",
                        to="accounts.enterprise",
                    ),
                ),
                ("length", models.PositiveBigIntegerField(default=0)),
                ("number", models.PositiveBigIntegerField(default=0)),
                ("head", models.CharField(blank=True, max_length=64)),
                ("started_at", models.DateTimeField()),
                ("whole_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("broken_number", models.PositiveBigIntegerField(null=True)),
                ("why", models.CharField(blank=True, max_length=100)),
                ("proven_number", models.PositiveBigIntegerField(default=0)),
                ("proven_head", models.CharField(blank=True, max_length=64)),
                ("key_id", models.CharField(blank=True, max_length=8)),
                ("mac", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                ("login", models.CharField(max_length=318, null=True, unique=True, verbose_name="login")),
                (
                    "phone",
                    phonenumber_field.modelfields.PhoneNumberField(
                        max_length=128, null=True, region=None, unique=True, verbose_name="phone"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=64, verbose_name="name")),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("login", django.db.models.functions.text.Lower("login"))),
                        name="user_login_is_lower_case",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("login__isnull", False), ("phone__isnull", False), _connector="OR"),
                        name="user_has_login_or_phone",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Role",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="roles", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "enterprise",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="roles", to="accounts.enterprise"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Administrator"),
                            ("department_admin", "Department administrator"),
                            ("auditor", "Auditor"),
                        ],
                        max_length=16,
                    ),
                ),
                ("last_entered_at", models.DateTimeField(null=True)),
                ("reach_since", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "enterprise"), name="role_one_in_an_enterprise")
                ],
            },
        ),
        migrations.CreateModel(
            name="AttemptCounter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("wait_until", models.DateTimeField(null=True)),
                ("touched_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="KnownBrowser",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="known_browsers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "enterprise",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.enterprise"
                    ),
                ),
                ("key", models.CharField(max_length=64, unique=True)),
                ("seen_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunPython(index_names, migrations.RunPython.noop),
    ]
