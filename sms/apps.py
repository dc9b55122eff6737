"""sms: the outbox, the gateways, one-time codes."""

from django.apps import AppConfig


class SmsConfig(AppConfig):
    name = "sms"
