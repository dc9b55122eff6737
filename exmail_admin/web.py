"""gunicorn's settings: `gunicorn --config python:exmail_admin.web exmail_admin.wsgi`."""

worker_class = "exmail_admin.web_worker.WholeRequestWorker"  # slow clients occupy no thread
worker_connections = 400  # connections of a worker, so that they and their temporary files stay below 1024 files
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
