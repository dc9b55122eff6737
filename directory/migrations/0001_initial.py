"""The tables of directory, and what PostgreSQL needs besides."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import directory.models.members

# Compared byte by byte on PostgreSQL, so that one btree serves order and prefix alike; SQLite does so already. A later
# AlterField of one of these columns must repeat COLLATE "C".
BYTEWISE = {
    "directory_member": {"pinyin": 400, "initials": 64, "account": 64, "phone": 16, "phone_reversed": 16},
    "directory_reading": {"pinyin": 400, "initials": 64},
    "directory_address": {"local": 64},
    "directory_department": {"path": 255},
}


def add_postgresql_search(apps, schema_editor):
    """Set the collation, and index the single characters of names: a trigram finds nothing in 张."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in BYTEWISE.items():
        changes = [f'ALTER COLUMN {name} TYPE varchar({size}) COLLATE "C"' for name, size in columns.items()]
        schema_editor.execute(f"ALTER TABLE {table} {', '.join(changes)}")
    schema_editor.execute(
        "CREATE INDEX member_by_characters ON directory_member USING gin (string_to_array(folded_name, NULL))"
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("accounts", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Department",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="departments",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="directory.department",
                    ),
                ),
                ("name", models.CharField(max_length=64, verbose_name="department name")),
                ("path", models.CharField(db_index=True, max_length=255)),
                ("depth", models.PositiveSmallIntegerField(default=0)),
                ("members_below", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("parent"),
                        django.db.models.functions.text.Lower("name"),
                        name="department_name_unique_among_siblings",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("parent", None)),
                        fields=("enterprise",),
                        name="department_one_root_in_enterprise",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DepartmentScope",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scopes", to="accounts.role"
                    ),
                ),
                (
                    "department",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="scopes", to="directory.department"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "department administrators",
                "constraints": [models.UniqueConstraint(fields=("role", "department"), name="scope_named_once")],
            },
        ),
        migrations.CreateModel(
            name="Domain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="domains", to="accounts.enterprise"
                    ),
                ),
                ("name", models.CharField(max_length=253, unique=True, verbose_name="domain")),
                ("is_default", models.BooleanField(default=False, verbose_name="default domain")),
                ("webmail_url", models.URLField(blank=True, max_length=500, verbose_name="webmail address")),
                ("imap", models.CharField(blank=True, max_length=253, verbose_name="IMAP server")),
                ("smtp", models.CharField(blank=True, max_length=253, verbose_name="SMTP server")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("enterprise",),
                        name="domain_one_default_in_enterprise",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="accounts.enterprise",
                    ),
                ),
                ("name", models.CharField(max_length=64, verbose_name="name")),
                ("account", models.CharField(max_length=64, verbose_name="account")),
                ("phone", models.CharField(blank=True, max_length=16, null=True, verbose_name="phone")),
                ("position", models.CharField(blank=True, max_length=128, verbose_name="position")),
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "Not joined"), ("active", "Joined"), ("disabled", "Disabled")],
                        default="pending",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                (
                    "activation",
                    models.CharField(
                        choices=[("phone", "By phone"), ("code", "By activation code")],
                        default="phone",
                        max_length=16,
                        verbose_name="activation",
                    ),
                ),
                (
                    "main_department",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="directory.department",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="members",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("pinyin", models.CharField(max_length=400)),
                ("initials", models.CharField(max_length=64)),
                ("folded_name", models.CharField(max_length=128)),
                ("phone_reversed", models.CharField(max_length=16, null=True)),
                ("origin", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("invited_at", models.DateTimeField(null=True)),
                ("joined_at", models.DateTimeField(null=True)),
                ("last_entered_at", models.DateTimeField(null=True)),
                ("deleted_at", models.DateTimeField(null=True)),
                ("deleted_by", models.CharField(blank=True, db_default="", default="", max_length=64)),
                ("erased_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at", None)),
                        fields=["enterprise", "pinyin", "id"],
                        name="member_by_pinyin",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at", None)),
                        fields=["enterprise", "initials", "id"],
                        name="member_by_initials",
                    ),
                    models.Index(
                        models.F("enterprise"),
                        django.db.models.functions.text.Left("folded_name", 1),
                        models.F("pinyin"),
                        models.F("id"),
                        condition=models.Q(("deleted_at", None)),
                        name="member_by_first_character",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at", None), ("phone_reversed__isnull", False)),
                        fields=["enterprise", "phone_reversed", "id"],
                        name="member_by_phone_tail",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at", None)),
                        fields=["enterprise", "status", "pinyin", "id"],
                        name="member_by_status",
                    ),
                    models.Index(condition=models.Q(("user__isnull", False)), fields=["user"], name="member_by_user"),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False), ("erased_at", None)),
                        fields=["enterprise", "pinyin", "id"],
                        name="member_in_bin",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False), ("erased_at", None)),
                        fields=["deleted_at"],
                        name="member_by_time_in_bin",
                    ),
                    models.Index(directory.models.members.InviterId("origin"), name="member_by_inviter"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("enterprise"),
                        django.db.models.functions.text.Lower("account"),
                        name="member_account_unique_in_enterprise",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("deleted_at", None)),
                        fields=("phone", "enterprise"),
                        name="member_phone_unique_in_enterprise",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("activation", "code"),
                            ("phone__isnull", False),
                            ("deleted_at__isnull", False),
                            _connector="OR",
                        ),
                        name="member_activated_by_phone_has_phone",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("erased_at", None),
                            models.Q(
                                ("deleted_at__isnull", False),
                                ("folded_name", ""),
                                ("name", ""),
                                ("phone", None),
                                ("pinyin", ""),
                                ("position", ""),
                                ("user", None),
                            ),
                            _connector="OR",
                        ),
                        name="member_erased_has_nothing_left",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="readings",
                        to="directory.member",
                    ),
                ),
                ("pinyin", models.CharField(max_length=400)),
                ("initials", models.CharField(max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["enterprise", "pinyin", "member"], name="reading_by_pinyin"),
                    models.Index(fields=["enterprise", "initials", "member"], name="reading_by_initials"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="directory.member",
                    ),
                ),
                (
                    "department",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="directory.department",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["member", "department"], name="membership_of_member")],
                "constraints": [models.UniqueConstraint(fields=("department", "member"), name="membership_once")],
            },
        ),
        migrations.CreateModel(
            name="Address",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="addresses",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "domain",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="addresses",
                        to="directory.domain",
                    ),
                ),
                ("local", models.CharField(max_length=64, verbose_name="mailbox prefix")),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("primary", "Mailbox"),
                            ("alias", "Alias"),
                            ("held", "Pending request"),
                            ("reserved", "Reserved"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="addresses",
                        to="directory.member",
                    ),
                ),
                ("held_for", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("domain", "local"), name="address_held_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("purpose", "primary")),
                        fields=("member",),
                        name="address_one_primary_of_a_member",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("member__isnull", False), ("purpose__in", ["primary", "alias"])),
                            models.Q(("member__isnull", True), ("purpose__in", ["held", "reserved"])),
                            _connector="OR",
                        ),
                        name="address_has_a_member_exactly_when_it_is_a_mailbox",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("local", django.db.models.functions.text.Lower("local"))),
                        name="address_local_is_lower_case",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BulkAction",
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
                        related_name="bulk_actions",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("delete", "Delete"),
                            ("restore", "Restore"),
                            ("disable", "Disable"),
                            ("enable", "Enable"),
                            ("export", "Download"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("working", "In progress"),
                            ("done", "Done"),
                            ("cancelled", "Canceled"),
                            ("failed", "Failed"),
                        ],
                        default="working",
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("language", models.CharField(max_length=16)),
                ("stored", models.CharField(blank=True, max_length=32)),
                ("total", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("left_out", models.PositiveIntegerField(default=0)),
                ("position", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "background tasks",
                "indexes": [
                    models.Index(fields=["enterprise", "-id"], name="bulk_action_by_age"),
                    models.Index(
                        condition=models.Q(("state", "working")),
                        fields=["enterprise", "id"],
                        name="bulk_action_working",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BulkActionItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "bulk_action",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="directory.bulkaction",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="directory.member",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("in_bin", "Already in the recycle bin"),
                            ("present", "No longer in the recycle bin"),
                            ("erased", "Permanently erased in the meantime"),
                            ("disabled", "Already disabled"),
                            ("not_disabled", "Not disabled"),
                            ("out_of_reach", "No longer in a department managed by the person who started this"),
                            ("without_phone", "Restored without the phone number, which now belongs to another member"),
                            ("moved", "Restored to the root department because the previous one was deleted"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "holder",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="directory.member",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("bulk_action", "member", "reason"), name="bulk_action_item_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Import",
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
                        related_name="imports",
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
                ("author_name", models.CharField(blank=True, max_length=64)),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("actor_name", models.CharField(blank=True, max_length=64)),
                (
                    "department",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="directory.department",
                    ),
                ),
                ("department_name", models.CharField(max_length=64)),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("create", "Add new members only"),
                            ("update", "Add new members and update existing ones"),
                        ],
                        max_length=16,
                        verbose_name="mode",
                    ),
                ),
                ("create_departments", models.BooleanField(default=False)),
                ("language", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("checking", "Checking"),
                            ("ready", "Ready to import"),
                            ("applying", "Importing"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Canceled"),
                        ],
                        default="checking",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("reason_params", models.JSONField(default=dict)),
                ("file_name", models.CharField(max_length=128)),
                ("stored", models.CharField(blank=True, max_length=32)),
                ("digest", models.CharField(max_length=64)),
                ("heading", models.JSONField(default=dict)),
                ("repairs", models.JSONField(default=dict)),
                ("skipped_rows", models.JSONField(default=list)),
                ("checked", models.PositiveIntegerField(default=0)),
                ("read", models.PositiveIntegerField(default=0)),
                ("created", models.PositiveIntegerField(default=0)),
                ("updated", models.PositiveIntegerField(default=0)),
                ("unchanged", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
                ("left_out", models.PositiveIntegerField(default=0)),
                ("position", models.PositiveIntegerField(default=0)),
                ("applied", models.PositiveIntegerField(default=0)),
                (
                    "follow_up",
                    models.CharField(
                        blank=True, choices=[("undo", "Undo"), ("invite", "Send invitations")], max_length=16
                    ),
                ),
                ("follow_up_reason", models.CharField(blank=True, max_length=500)),
                ("undone", models.PositiveIntegerField(null=True)),
                ("kept", models.PositiveIntegerField(null=True)),
                ("withdraws_invitations", models.BooleanField(default=False)),
                ("undo_counts", models.JSONField(default=dict)),
                ("invited", models.PositiveIntegerField(null=True)),
                ("not_invited", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("undone_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "imports",
                "indexes": [models.Index(fields=["enterprise", "-id"], name="import_by_age")],
            },
        ),
        migrations.CreateModel(
            name="ImportRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "import_job",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="directory.import",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("changed", "Changed"),
                            ("unchanged", "Unchanged"),
                            ("refused", "Errors"),
                            ("left_out", "Skipped"),
                            ("created", "Added"),
                            ("updated", "Updated"),
                        ],
                        max_length=16,
                    ),
                ),
                ("cells", models.JSONField(null=True)),
                ("facts", models.JSONField(null=True)),
                ("problems", models.JSONField(default=list)),
                ("notes", models.JSONField(default=list)),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="directory.member",
                    ),
                ),
                ("previous", models.JSONField(null=True)),
                ("undo", models.CharField(blank=True, choices=[("undone", "Undone"), ("kept", "Kept")], max_length=16)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("verdict", "refused")),
                        fields=["import_job", "number"],
                        name="import_row_refused",
                    ),
                    models.Index(
                        condition=models.Q(("undo", "kept")), fields=["import_job", "number"], name="import_row_kept"
                    ),
                    models.Index(
                        condition=models.Q(("member__isnull", False)), fields=["member"], name="import_row_by_member"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("import_job", "number"), name="import_row_number_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="directory.member"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("token_digest", models.CharField(max_length=64, unique=True)),
                ("phone", models.CharField(max_length=16)),
                (
                    "sent_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "share",
                    models.CharField(
                        choices=[("administrator", "Administrator"), ("owner", "Owner"), ("holder", "Holder")],
                        default="administrator",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("superseded_at", models.DateTimeField(null=True)),
                ("used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("is_recovery", models.BooleanField(default=False)),
                ("is_bulk", models.BooleanField(default=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("member", "number"), name="invitation_number_unique_for_member"),
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at", None), ("superseded_at", None), ("used_at", None)),
                        fields=("member",),
                        name="invitation_one_active_for_member",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["created_at"], name="invitation_by_age"),
                    models.Index(
                        condition=models.Q(("revoked_at", None), ("superseded_at", None), ("used_at", None)),
                        fields=["enterprise", "expires_at"],
                        name="invitation_unanswered",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ActivationCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "enterprise",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="activation_codes",
                        to="accounts.enterprise",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="activation_codes",
                        to="directory.member",
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                (
                    "issued_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at", None), ("used_at", None)),
                        fields=("member",),
                        name="activation_code_one_active_for_member",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="member",
            name="departments",
            field=models.ManyToManyField(
                related_name="members", through="directory.Membership", to="directory.department"
            ),
        ),
        migrations.RunPython(add_postgresql_search, migrations.RunPython.noop),
    ]
