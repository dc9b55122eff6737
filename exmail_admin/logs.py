"""Logging for web, workers and gunicorn: one redacted JSON object per line on stderr."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from gunicorn.glogging import Logger
from structlog.typing import EventDict, WrappedLogger

from exmail_admin.redaction import redact, redact_named

QUIET = (
    "django.security.DisallowedHost",
    "celery.beat",
    "celery.worker.strategy",
    "celery.app.trace",
    "twilio.http_client",
)


def redact_event(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Redact the event. A structlog processor, the last one before rendering."""
    return {key: redact_named(key, value) for key, value in event.items()}


class IsFault(logging.Filter):
    """Keep Django's records of exceptions only; our request line already reports 403, 404 and 503."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None and record.levelno >= logging.ERROR


class RefusalsInOneLine(logging.Filter):
    """Log suspicious requests, which Django refuses, without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.exc_info = None
        return True


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure() -> None:
    """Configure logging and structlog with the same processors. Safe to call again."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": SHARED,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        redact_event,
                        structlog.processors.JSONRenderer(ensure_ascii=False),
                    ],
                }
            },
            "filters": {"fault": {"()": IsFault}, "refusals": {"()": RefusalsInOneLine}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["refusals"]}},
            "root": {"level": "INFO", "handlers": ["stderr"]},
            "loggers": {
                **{name: {"level": "ERROR"} for name in QUIET},
                "django.request": {"filters": ["fault"]},
            },
        }
    )
    structlog.configure(
        processors=[
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class GunicornLogger(Logger):
    """Send gunicorn's records to the root logger."""

    def setup(self, cfg: Any) -> None:
        configure()
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True


def start_sentry(dsn: str) -> None:
    """Report errors to Sentry, redacted like the log; nothing is imported unless a DSN is set."""
    if not dsn:
        return
    try:
        import sentry_sdk  # optional
    except ImportError as error:
        raise ImproperlyConfigured("SENTRY_DSN is set, but the package sentry-sdk isn't installed.") from error
    sentry_sdk.init(dsn=dsn, before_send=redact_report, before_breadcrumb=redact_report)


def redact_report(report: Any, hint: Any) -> Any:
    return redact(report)
