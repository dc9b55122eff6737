"""On PostgreSQL: keys compared byte by byte, so that one btree serves order and prefix alike; and an index of the
single signs of names, for a trigram finds nothing in 张. SQLite compares bytes already and needs neither.

Whoever alters one of these columns later must say COLLATE "C" again."""

from django.db import migrations

COLUMNS = {
    "directory_member": {"pinyin": 400, "initials": 64, "account": 64, "phone": 16, "phone_reversed": 16},
    "directory_reading": {"pinyin": 400, "initials": 64},
    "directory_address": {"local": 64},
    "directory_department": {"path": 255},
}


def compare_bytes(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in COLUMNS.items():
        changes = [f'ALTER COLUMN {name} TYPE varchar({size}) COLLATE "C"' for name, size in columns.items()]
        schema_editor.execute(f"ALTER TABLE {table} {', '.join(changes)}")
    schema_editor.execute(
        "CREATE INDEX member_by_characters ON directory_member USING gin (string_to_array(name, NULL))"
    )


class Migration(migrations.Migration):
    dependencies = [("directory", "0001_initial")]
    operations = [migrations.RunPython(compare_bytes, migrations.RunPython.noop)]
