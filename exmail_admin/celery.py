"""The Celery app. A task is a wake-up call with ids at most; the database row is the truth (security.md, fact 6)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exmail_admin.settings")
app = Celery("exmail_admin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
