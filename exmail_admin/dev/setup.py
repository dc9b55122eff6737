"""`make setup`: write the settings file, and prepare the database."""

import os
import secrets
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).resolve().parent.parent.parent


class StartRefused(Exception):
    """The start failed; `str(error)` is a sentence for the person at the terminal."""


def write_env(path: Path = ROOT / ".env") -> None:
    """Write default settings for development unless the file exists."""
    if path.exists():
        return
    path.write_text(
        "# Written once by `make setup`; yours from now on. Every variable is explained in .env.example.\n"
        "DEBUG=1\n"
        f"SECRET_KEY={secrets.token_urlsafe(50)}\n"
        "VAR_DIR=var\n",
        encoding="utf-8",
    )
    path.chmod(0o600)


def load_settings() -> None:
    """Set up Django. Raise StartRefused with the reason if a setting is invalid."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exmail_admin.settings")
    try:
        django.setup()
    except (ImproperlyConfigured, ValueError) as error:
        raise StartRefused(f"The settings are wrong: {error}") from error


def prepare_database() -> None:
    """Migrate the database. Raise StartRefused if it can't be reached or belongs to another version."""
    database = connection.settings_dict
    where = database["HOST"] or database["NAME"]
    if connection.vendor == "sqlite":
        Path(database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    try:
        connection.ensure_connection()
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise StartRefused(f"The database of DATABASE_URL ({where}) can't be reached: {reason}") from error
    other_version = f"The database of DATABASE_URL ({where}) belongs to another version: it "
    advice = "Use that version or another database; if nothing in var/ matters, delete it."
    if unknown := unknown_migrations():
        raise StartRefused(f"{other_version}has the migration {unknown[0]}, which is unknown here. {advice}")
    call_command("migrate", interactive=False, verbosity=0)
    if missing := missing_columns():
        raise StartRefused(f"{other_version}lacks the column {missing[0]}. {advice}")
    call_command("createcachetable", verbosity=0)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    if not settings.HAS_DEMO:
        call_command("collectstatic", interactive=False, verbosity=0)


def unknown_migrations() -> list[str]:
    """Return migrations of the database that this version doesn't have."""
    loader = MigrationLoader(connection)
    return sorted(f"{app}.{name}" for app, name in set(loader.applied_migrations) - set(loader.disk_migrations))


def missing_columns() -> list[str]:
    """Return the columns of our models that a migrated database lacks, because its initial migrations were older."""
    introspection = connection.introspection
    missing: list[str] = []
    with connection.cursor() as cursor:
        for model in introspection.get_migratable_models():
            table = model._meta.db_table
            present = {column.name for column in introspection.get_table_description(cursor, table)}
            columns = (field.column for field in model._meta.local_concrete_fields)
            missing += [f"{table}.{column}" for column in columns if column not in present]
    return sorted(missing)


def main() -> None:
    try:
        write_env()
        load_settings()
        prepare_database()
    except StartRefused as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
