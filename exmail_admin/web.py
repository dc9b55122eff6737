"""gunicorn's settings: `gunicorn --config python:exmail_admin.web exmail_admin.wsgi`."""

worker_class = "gthread"
workers = 2
threads = 8
preload_app = True
timeout = 60
graceful_timeout = 5
keepalive = 5
accesslog = None  # exmail_admin.middleware logs requests without paths, which may contain tokens
logger_class = "exmail_admin.logs.GunicornLogger"
forwarded_allow_ips = ""  # only settings.TRUSTED_PROXY_COUNT decides which proxies are trusted
control_socket_disable = True
