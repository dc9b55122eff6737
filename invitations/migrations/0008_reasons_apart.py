"""Why somebody was left out, words and values apart; what was written as a whole stays in the language it is in."""

from django.db import migrations, models

MODELS = ("DecisionItem", "Recipient")


def take_over(apps, schema_editor):
    for name in MODELS:
        rows = apps.get_model("invitations", name).objects.exclude(reason="")
        for row in rows.only("pk", "reason").iterator(chunk_size=1000):
            rows.filter(pk=row.pk).update(why=[{"text": row.reason}])


class Migration(migrations.Migration):
    dependencies = [("invitations", "0007_decisions")]

    operations = [
        *(migrations.AddField(name, "why", models.JSONField(blank=True, default=list)) for name in MODELS),
        migrations.RunPython(take_over, migrations.RunPython.noop, elidable=True),
        *(migrations.RemoveField(name, "reason") for name in MODELS),
    ]
