import hashlib
import secrets

from django.db import migrations

from sms.seal import seal


def open_joining(apps, schema_editor):
    """For enterprises that were there before."""
    JoinLink = apps.get_model("invitations", "JoinLink")
    JoinSettings = apps.get_model("invitations", "JoinSettings")
    for enterprise in apps.get_model("accounts", "Enterprise").objects.filter(join_settings=None):
        token = secrets.token_urlsafe(16)
        digest = hashlib.sha256(token.encode()).hexdigest()
        JoinSettings.objects.create(enterprise=enterprise)
        JoinLink.objects.create(enterprise=enterprise, token_digest=digest, sealed_token=seal({"token": token}))


class Migration(migrations.Migration):
    dependencies = [("invitations", "0001_joining")]

    operations = [migrations.RunPython(open_joining, migrations.RunPython.noop)]
