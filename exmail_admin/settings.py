"""The one settings file: everything an operator may choose comes from the environment (`.env.example`)."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from exmail_admin import environment
from exmail_admin.dev.sockets import embedded_socket

BASE_DIR = Path(__file__).resolve().parent.parent

environment.read_file(BASE_DIR / ".env")
# Everything a run writes lies below.
VAR_DIR = BASE_DIR / environment.text("VAR_DIR", "var")

# --- what kind of place this is
# DEBUG=1 makes a place for trying out: plain http and the demo's pages. Django's own debugging stays off there too, so
# that a first visitor meets our error pages; the trace of a fault is in the log.
HAS_DEMO: bool = environment.flag("DEBUG")
DEBUG = False
SECRET_KEY = environment.text("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. Run `make setup` once, or set it to a long random text.")

_public = urlsplit(
    environment.address("PUBLIC_URL", "http://127.0.0.1:8000" if HAS_DEMO else "", schemes={"http", "https"})
)
if _public.path.strip("/") or _public.query or _public.fragment or _public.username:
    raise ImproperlyConfigured("PUBLIC_URL must be an address such as https://mail.example.com, without a path.")
PUBLIC_URL = f"{_public.scheme}://{_public.netloc}"
IS_HTTPS = _public.scheme == "https"
if not IS_HTTPS and not HAS_DEMO:
    raise ImproperlyConfigured("PUBLIC_URL must begin with https:// unless DEBUG=1.")

ALLOWED_HOSTS: list[str] = [*environment.hosts("ALLOWED_HOSTS"), _public.hostname or ""]
if HAS_DEMO:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]", "testserver"]
TRUSTED_PROXY_COUNT = environment.number("TRUSTED_PROXY_COUNT", 0)
DEMO_PASSWORD = environment.text("DEMO_PASSWORD")

# --- the parts, from the ground floor up
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_cotton.apps.SimpleAppConfig",
    "django_htmx",
    "lucide",
    "csp",
    "phonenumber_field",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.weixin",
    "core",
    "sms",
    "accounts",
    "directory",
    "invitations",
    "exmail_admin",
    "benchmarks",
]
MIDDLEWARE = [
    # First those that put headers on an answer, so that one which others give in a view's place has them all.
    "exmail_admin.middleware.request_log",
    "exmail_admin.middleware.response_headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.audit_origin",
    "exmail_admin.middleware.refuse_trace",
]
ROOT_URLCONF = "exmail_admin.urls"
WSGI_APPLICATION = "exmail_admin.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "django.templatetags.i18n",
                "django.templatetags.static",
                "lucide.templatetags.lucide",
                "exmail_admin.templatetags.console",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "exmail_admin.context.shell",
                "accounts.context.new_devices",
                "invitations.context.waiting",
            ],
        },
    }
]
COTTON_DIR = "components"

# --- database: SQLite until DATABASE_URL says PostgreSQL
_database = environment.database("DATABASE_URL", VAR_DIR / "db.sqlite3")
DATABASES = {"default": _database}
if _database["ENGINE"] == environment.SQLITE:
    # Without IMMEDIATE, writers that meet fail with "database is locked".
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    _database["CONN_MAX_AGE"] = 60
    _database["CONN_HEALTH_CHECKS"] = True
    _database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
# Rows, not Redis: with Redis stopped every page still answers.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

# --- queue
IS_REDIS_EMBEDDED = not environment.text("REDIS_URL")
REDIS_URL = environment.address(
    "REDIS_URL", f"unix://{quote(str(embedded_socket(VAR_DIR)))}", schemes={"redis", "rediss", "unix"}
)
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "upkeep"
CELERY_TASK_ROUTES = {
    "sms.tasks.deliver_codes": {"queue": "codes"},
    "sms.tasks.deliver_messages": {"queue": "messages"},
    "directory.tasks.work_on_imports": {"queue": "imports"},
    "directory.tasks.work_on_bulk_actions": {"queue": "imports"},
    "invitations.tasks.send_batches": {"queue": "messages"},
    "invitations.tasks.work_on_decisions": {"queue": "imports"},
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 600
CELERY_TASK_TIME_LIMIT = 660
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A web request only hints; with Redis gone it must give up at once, the sweeper delivers.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "retry_on_timeout": False,
}
CELERY_BEAT_SCHEDULE = {
    "sweep the outbox": {"task": "sms.tasks.sweep_outbox", "schedule": 10.0, "options": {"expires": 10}},
    "watch codes": {"task": "sms.tasks.watch_codes", "schedule": 60.0, "options": {"expires": 60}},
    "look up unknown messages": {"task": "sms.tasks.reconcile_messages", "schedule": 10.0, "options": {"expires": 10}},
    "purge old codes": {"task": "sms.tasks.purge_codes", "schedule": 600.0},
    "go on with imports": {"task": "directory.tasks.work_on_imports", "schedule": 10.0, "options": {"expires": 10}},
    "go on with bulk actions": {
        "task": "directory.tasks.work_on_bulk_actions",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "forget exports": {"task": "directory.tasks.forget_exports", "schedule": 3600.0},
    "go on with notices": {"task": "invitations.tasks.send_batches", "schedule": 10.0, "options": {"expires": 10}},
    "empty the bin": {"task": "directory.tasks.purge_members", "schedule": 3600.0},
    "go on with decisions": {
        "task": "invitations.tasks.work_on_decisions",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "empty old imports": {"task": "directory.tasks.empty_imports", "schedule": 3600.0},
    "go on with audit checks": {
        "task": "accounts.tasks.work_on_audit_checks",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "watch audit chains": {"task": "accounts.tasks.watch_audit_chains", "schedule": 3600.0},
    "purge old sign-ins": {"task": "accounts.tasks.purge_sign_ins", "schedule": 3600.0},
    "purge old QR codes": {"task": "accounts.tasks.purge_qr_codes", "schedule": 60.0, "options": {"expires": 60}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")

# --- language and time
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 86400
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = IS_HTTPS
TIME_ZONE = environment.time_zone("TIME_ZONE", "Asia/Shanghai")
USE_TZ = True
PHONENUMBER_DEFAULT_REGION = "CN"

# --- static files
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if HAS_DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = HAS_DEMO

# --- who signs in
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["login", "name"]},
    },
    {"NAME": "accounts.second_factor.passwords.LongEnoughValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["accounts.sign_in.hashers.BoundedArgon2PasswordHasher"]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "login"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Its counters live in the cache and are not atomic; accounts.sign_in.attempt_limits counts in rows.
ACCOUNT_RATE_LIMITS = False
USERSESSIONS_TRACK_ACTIVITY = False

ACCOUNTS_PASSWORD_FAILURES = 10
ACCOUNTS_PASSWORD_FAILURES_PER_ADDRESS = 100
ACCOUNTS_PASSWORDS_AT_ONCE = 2
ACCOUNTS_PASSWORD_WAIT_SECONDS = 15 * 60
# Where things are only tried out a login and a password will do, for those who have set up nothing more.
ACCOUNTS_SECOND_FACTOR_REQUIRED = not HAS_DEMO
ACCOUNTS_REAUTH_SECONDS = 600
# Three codes of a million are right at any moment: 20 tries a day are 6 in 100,000.
ACCOUNTS_FACTOR_FAILURES = 5
ACCOUNTS_FACTOR_FAILURES_PER_DAY = 20
ACCOUNTS_FACTOR_SETUP_SECONDS = 1800
ACCOUNTS_RECOVERY_SHOWN_SECONDS = 600
MFA_ADAPTER = "accounts.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODE_COUNT = 10
MFA_RECOVERY_CODE_DIGITS = 10
MFA_WEBAUTHN_USER_VERIFICATION = "required"
ACCOUNTS_CONSOLE_IDLE_SECONDS = 3600
ACCOUNTS_CONSOLE_SECONDS = 12 * 3600
ACCOUNTS_SESSION_SECONDS = 14 * 86400
ACCOUNTS_SESSION_IDLE_SECONDS = 7 * 86400
ACCOUNTS_PROOF_SECONDS = 600
# How long a browser a person was inside with is known (product.md, step 4); its cookie lives as long.
ACCOUNTS_KNOWN_BROWSER_DAYS = 180
# accounts asks the floor above what it can't know itself: which enterprises a number leads into, where a proven person
# enters, whether they still act in one enterprise, and to let them into just that one.
ACCOUNTS_PHONE_DIRECTORY = "directory.entry.phone_lookup.enterprises_of"
# An import tells of phones with which somebody waits to be let in; the floor above knows them.
DIRECTORY_PHONES_WAITING = "invitations.links.settings.phones_waiting"
# What a session keeps there of one person, and must not hand on to the next.
ACCOUNTS_PROOFS_OF_FLOORS_ABOVE = ["join_proof", "join_consent", "activation"]
ACCOUNTS_ON_SIGN_IN = "directory.entry.entry.enter_only_enterprise"
ACCOUNTS_ACTS_IN = "directory.entry.entry.acts_in"
ACCOUNTS_ENTER = "directory.entry.entry.enter_named"

# Signing in by QR code (security.md 2.2): how long a code waits to be scanned, then approved, then used; how often it
# renews itself; limits per minute and address block, per browser, per person and hour; who may approve; how long a row
# is kept once it is over, so that with the sweep of each minute none is older than ten minutes.
ACCOUNTS_QR_SCAN_SECONDS = 120
ACCOUNTS_QR_CONFIRM_SECONDS = 60
ACCOUNTS_QR_CLAIM_SECONDS = 30
ACCOUNTS_QR_RENEWALS = 5
ACCOUNTS_QR_POLL_SECONDS = 2
ACCOUNTS_QR_POLL_LEAST_SECONDS = 1
ACCOUNTS_QR_PER_ADDRESS = 10
ACCOUNTS_QR_PER_BROWSER = 3
ACCOUNTS_QR_MISSES_PER_MINUTE = 60
ACCOUNTS_QR_NUMBER_TRIES = 3
ACCOUNTS_QR_APPROVALS_PER_HOUR = 10
ACCOUNTS_QR_APPROVER_SECONDS = 30 * 86400
ACCOUNTS_QR_KEPT_SECONDS = 300
# And whether a session has shown all that the person's enterprises ask for.
ACCOUNTS_IS_TRUSTED = "directory.entry.entry.is_trusted"

# --- WeChat, where the operator has an app on its open platform
WEIXIN_APP_ID = environment.text("WEIXIN_APP_ID")
WEIXIN_APP_SECRET = environment.text("WEIXIN_APP_SECRET")
# And, for those who open the sign-in within WeChat, an official account linked to it there.
WEIXIN_OFFICIAL_APP_ID = environment.text("WEIXIN_OFFICIAL_APP_ID")
WEIXIN_OFFICIAL_APP_SECRET = environment.text("WEIXIN_OFFICIAL_APP_SECRET")
_weixin_apps = {"WEIXIN_APP": (WEIXIN_APP_ID, WEIXIN_APP_SECRET)}
_weixin_apps |= {"WEIXIN_OFFICIAL_APP": (WEIXIN_OFFICIAL_APP_ID, WEIXIN_OFFICIAL_APP_SECRET)}
for _name, (_id, _secret) in _weixin_apps.items():
    if bool(_id) != bool(_secret):
        _missing = f"{_name}_SECRET" if _id else f"{_name}_ID"
        raise ImproperlyConfigured(f"{_missing} is not set: signing in with WeChat needs both it and its counterpart.")
HAS_WEIXIN = bool(WEIXIN_APP_ID or WEIXIN_OFFICIAL_APP_ID)
ACCOUNTS_WEIXIN_PER_ADDRESS = 60
_weixin = environment.address("WEIXIN_BASE_URL", "", schemes={"http", "https"}, is_optional=True).rstrip("/")
WEIXIN_API_URL = _weixin or "https://api.weixin.qq.com"
WEIXIN_PAGE_URL = _weixin or "https://open.weixin.qq.com"
SOCIALACCOUNT_ADAPTER = "accounts.adapter.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
SOCIALACCOUNT_PROVIDERS = {
    "weixin": {
        "provider_class": "accounts.wechat.provider.WeixinProvider",
        "APPS": [{"client_id": id, "secret": secret} for id, secret in _weixin_apps.values() if id],
    }
}

SESSION_COOKIE_AGE = ACCOUNTS_SESSION_SECONDS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "exmail_admin.views.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- messages (security.md 1.2 and 5.2 give each figure its source)
SMS_GATEWAY = environment.text("SMS_GATEWAY", "file")
SMS_GATEWAYS = {"file": "sms.gateways.file.FileGateway", "twilio": "sms.gateways.twilio.TwilioGateway"}
if SMS_GATEWAY not in SMS_GATEWAYS:
    raise ImproperlyConfigured(f"SMS_GATEWAY must be one of {', '.join(SMS_GATEWAYS)}, not {SMS_GATEWAY!r}.")
if SMS_GATEWAY == "file" and not HAS_DEMO and not environment.flag("SMS_FILE_ALLOWED"):
    raise ImproperlyConfigured(
        "SMS_GATEWAY=file writes messages to a file and reaches no phone. Choose a gateway or set SMS_FILE_ALLOWED=1."
    )
SMS_FILE = environment.file("SMS_FILE", VAR_DIR / "sms.jsonl", base=BASE_DIR)
TWILIO_ACCOUNT_SID = environment.text("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKEN = environment.text("TWILIO_AUTH_TOKEN")
TWILIO_FROM = environment.text("TWILIO_FROM")
TWILIO_MESSAGING_SERVICE_SID = environment.text("TWILIO_MESSAGING_SERVICE_SID")
TWILIO_BASE_URL = environment.address("TWILIO_BASE_URL", "", schemes={"http", "https"}, is_optional=True)
if SMS_GATEWAY == "twilio" and not (
    TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN and (TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID)
):
    raise ImproperlyConfigured(
        "SMS_GATEWAY=twilio needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID."
    )
SMS_CODE_DIGITS = 6
SMS_CODE_SECONDS = 300
SMS_CODE_CHECKS = 5
SMS_CODE_RESEND_SECONDS = 60
SMS_CODES_PER_HOUR = 5
SMS_CODES_PER_DAY = 10
SMS_CODES_PER_BROWSER = 5
SMS_STRANGERS_PER_ADDRESS = 20
SMS_STRANGERS_PER_PREFIX = 5
# Beyond SMS_STRANGERS_PER_ADDRESS each code costs the browser some work, up to so many: about 2 ** 12 hashes for each
# of eight parts, a second or two on a phone. A challenge is good for so many seconds.
SMS_STRANGERS_WITH_WORK = 100
SMS_WORK_PARTS = 8
SMS_WORK_BITS = 12
SMS_WORK_SECONDS = 600
SMS_WINDOW_SECONDS = 600
SMS_FAILURE_WAITS = [(10, timedelta(minutes=15)), (30, timedelta(hours=12))]
SMS_FAILURES_UNTIL_OFF = 100
# Budgets: of all enterprises in an hour; of one in a day so many a member, and no fewer than that. Conversion: at least
# so many codes within SMS_WINDOW_SECONDS, of which fewer than so many percent were entered.
SMS_CODES_OF_ALL_PER_HOUR = 10_000
SMS_CODES_OF_ENTERPRISE_LEAST = 200
SMS_CODES_PER_MEMBER = 3
SMS_CONVERSION_LEAST = 50
SMS_CONVERSION_PERCENT = 30
SMS_ALARM_DAYS = 30
# sms asks the floor above it how many members an enterprise has.
SMS_MEMBERS_OF = "directory.entry.phone_lookup.members_of_enterprise"
SMS_LEASE_SECONDS = 60
SMS_TRIES = 6
# A message whose outcome nobody saw is looked for at the provider this often, taken for lost after so long (5.1), and
# left unknown once the provider could not be asked for an hour. A report on a message not known yet is kept a day.
SMS_LOOK_SECONDS = 20
SMS_LOST_SECONDS = 120
SMS_LOOK_MOST_SECONDS = 3600
SMS_REPORT_HOURS = 24
SMS_CODE_ROW_HOURS = 24
SMS_TEXT_DAYS = 30
SMS_ROW_DAYS = 180

INVITATION_DAYS = 7
INVITATION_PAUSE_SECONDS = 60
INVITATIONS_PER_DAY = 5
ENTRY_DAYS = 180
# Notices to one member; above so many messages a notice asks to be confirmed (security.md 3.1).
BATCHES_PER_MEMBER_PER_DAY = 1
BATCHES_PER_MEMBER_PER_WEEK = 3
BATCH_CONFIRM_ABOVE = 500
# A deleted member can be had back for so long (security.md 6.4).
MEMBER_BIN_DAYS = 30
# What a request does to members, or writes of them, itself rather than leave to a worker.
MEMBERS_AT_ONCE = 200
MEMBERS_EXPORTED_AT_ONCE = 5000
BULK_ACTION_LEASE_SECONDS = 30
# Workbooks that a worker wrote, for whoever asked for them.
EXPORT_DIR = VAR_DIR / "exports"
EXPORT_KEPT_HOURS = 24
# What floors above the directory lay down for a new enterprise.
DIRECTORY_ON_OPEN = ["invitations.links.actions.open_joining"]
# What they forget of members whose time in the bin is over.
DIRECTORY_ON_PURGE = ["invitations.erasure.forget_members"]
# Of one number in a day, of one enterprise at a time, of one proven number in an hour.
APPLICATIONS_PER_DAY = 3
APPLICATIONS_PENDING = 200
# What a request decides itself rather than leave to a worker: on two slow cores one took up to 150 ms.
APPLICATIONS_AT_ONCE = 20
PREFIX_CHECKS_PER_HOUR = 10
JOIN_PROOF_SECONDS = 1800
# Of one address block: only links that don't exist are counted, a living one opens however many share an address.
JOIN_UNKNOWN_PER_MINUTE = 30
# What a new named link is preset to (security.md 3.1).
JOIN_LINK_DAYS = 7
JOIN_LINK_USES = 500

# --- activation by code, for members without a phone. 12 signs of 31 are 59 bits: the limits only spare the server, so
# they are wide enough for a whole factory behind one address.
ACTIVATION_DAYS = 30
ACTIVATION_PROOF_SECONDS = 900
ACTIVATION_FAILURES_PER_BROWSER = 10
ACTIVATION_FAILURES_PER_ADDRESS = 100

# --- imports (security.md 4.2)
IMPORT_DIR = VAR_DIR / "imports"
IMPORT_FILE_BYTES = 40 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "directory.imports.upload_limit.UploadCap",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
IMPORT_UNPACKED_BYTES = 300 * 1024 * 1024
IMPORT_RATIO = 50
IMPORT_ENTRIES = 200
IMPORT_ROWS = 200_000
IMPORT_COLUMNS = 64
IMPORT_CELLS = 4_000_000
IMPORT_READ_MEMORY_BYTES = 512 * 1024 * 1024
IMPORT_READ_CPU_SECONDS = 60
IMPORT_READ_SECONDS = 120
IMPORT_UPLOADS = 100
IMPORT_UPLOAD_WINDOW_SECONDS = 600
IMPORT_LEASE_SECONDS = 30
IMPORT_KEPT_DAYS = 30
# What a request does itself rather than leave to a worker.
IMPORT_ROWS_AT_ONCE = 2000

# --- the audit log: each app names its actions; a check of the chain goes by slices, a short one at once
ACCOUNTS_AUDIT_WORDS = ["accounts.audit_words.WORDS", "directory.audit_words.WORDS", "invitations.audit_words.WORDS"]
AUDIT_CHECKED_AT_ONCE = 2000
AUDIT_WHOLE_CHECK_DAYS = 7
AUDIT_CHECK_SLICE_SECONDS = 20
AUDIT_LEASE_SECONDS = 60
# A workbook has 1,048,576 rows; what takes longer than a minute to write belongs to several.
AUDIT_EXPORT_ROWS = 50_000

# --- headers
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 31536000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        # The form that leads to WeChat is answered with a redirect there.
        "form-action": [SELF, WEIXIN_PAGE_URL] if HAS_WEIXIN else [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

LOGGING_CONFIG = None  # exmail_admin.logs configures structlog and the standard library together
SENTRY_DSN = environment.address("SENTRY_DSN", "", schemes={"http", "https"}, is_optional=True)
