"""Django settings. Operators configure the console by environment variables (`.env.example`).

Limits, lifetimes and other constants of an app are in its `conf.py`; the star imports make each of them a setting.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit

from csp.constants import NONE, SELF
from django.conf import global_settings

from accounts.conf import *  # noqa: F403
from core.conf import *  # noqa: F403
from directory.conf import *  # noqa: F403
from exmail_admin import environment
from invitations.conf import *  # noqa: F403
from sms.conf import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent
environment.read_file(BASE_DIR / ".env")
VAR_DIR = BASE_DIR / environment.text("VAR_DIR", "var")  # holds every file written at run time
IMPORT_DIR = VAR_DIR / "imports"
EXPORT_DIR = VAR_DIR / "exports"

# --- Deployment
# DEBUG=1 permits plain http and enables the demo's pages. Django's own DEBUG stays off, so that visitors of the demo
# see our error pages; tracebacks are in the log.
HAS_DEMO: bool = environment.flag("DEBUG")
DEBUG = False
DEMO_PASSWORD = environment.text("DEMO_PASSWORD")
SECRET_KEY = environment.required("SECRET_KEY", "Run `make setup` once, or set it to a long random text.")
SECRET_KEY_FALLBACKS = environment.former_keys("SECRET_KEY_FALLBACKS", current=SECRET_KEY, counterpart="SECRET_KEY")
AUDIT_KEY = environment.optional_key("AUDIT_KEY")  # "": accounts.audit.keys derives one from SECRET_KEY
AUDIT_KEY_FALLBACKS = environment.former_keys("AUDIT_KEY_FALLBACKS", current=AUDIT_KEY, counterpart="AUDIT_KEY")
_default_url = "http://127.0.0.1:8000" if HAS_DEMO else ""
PUBLIC_URL = environment.origin("PUBLIC_URL", _default_url, is_http_allowed=HAS_DEMO)
IS_HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS: list[str] = [*environment.hosts("ALLOWED_HOSTS"), urlsplit(PUBLIC_URL).hostname or ""]
if HAS_DEMO:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]", "testserver"]
TRUSTED_PROXY_COUNT = environment.number("TRUSTED_PROXY_COUNT", 0)
LOGGING_CONFIG = None  # exmail_admin.logs configures structlog and the standard library together
SENTRY_DSN = environment.address("SENTRY_DSN", "", schemes={"http", "https"}, is_optional=True)

# --- Applications, middleware and templates
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
    # Middleware that sets headers comes first, so that responses of later middleware have all headers too.
    "exmail_admin.middleware.request_log",
    "exmail_admin.middleware.response_headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "exmail_admin.middleware.health_checks",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "exmail_admin.middleware.require_content_length",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.request_actor",
    "exmail_admin.middleware.refuse_trace",
]
ROOT_URLCONF = "exmail_admin.urls"
WSGI_APPLICATION = "exmail_admin.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_loaders = [
    "django_cotton.cotton_loader.Loader",
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [("django.template.loaders.cached.Loader", _loaders)],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "django.templatetags.i18n",
                "django.templatetags.static",
                "lucide.templatetags.lucide",
                *(f"exmail_admin.templatetags.{name}" for name in ("icons", "controls", "sms", "text")),
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "exmail_admin.context.page_chrome",
                "accounts.context.new_devices",
                "invitations.context.waiting",
            ],
        },
    }
]
COTTON_DIR = "components"
MESSAGE_STORAGE = "exmail_admin.message_storage.MessageStorage"

# --- Database, cache and broker
DATABASES = {"default": environment.database("DATABASE_URL", VAR_DIR / "db.sqlite3")}
# The database, so that pages work while Redis is down.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}
IS_REDIS_EMBEDDED = not environment.text("REDIS_URL")
_embedded_redis = f"unix://{quote(str(environment.embedded_socket(VAR_DIR)))}"
REDIS_URL = environment.address("REDIS_URL", _embedded_redis, schemes={"redis", "rediss", "unix"})
# The rest of Celery's configuration is in exmail_admin/celery.py.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")

# --- Language, time and static files
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 86400
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = IS_HTTPS
TIME_ZONE = environment.time_zone("TIME_ZONE", "Asia/Shanghai")
PHONENUMBER_DEFAULT_REGION = "CN"
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [("img", BASE_DIR / "static" / "img")]
STATICFILES_FINDERS = [*global_settings.STATICFILES_FINDERS, "exmail_admin.bundles.BundleFinder"]
BUNDLE_DIR = VAR_DIR / "bundles"  # app.css and app.js, concatenated from static/css and static/js
STORAGES = dict(global_settings.STORAGES)
if not HAS_DEMO:
    STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
# The demo has no collected files: it looks each one up when it is asked for, so that a reload shows what was edited.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = HAS_DEMO
WHITENOISE_MAX_AGE = 0 if HAS_DEMO else 60

# --- Authentication (django.contrib.auth and django-allauth)
AUTH_USER_MODEL = "accounts.User"
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
ACCOUNT_RATE_LIMITS = False  # allauth counts in the cache, not atomically; accounts.sign_in.attempt_limits does
ACCOUNTS_SECOND_FACTOR_REQUIRED = not HAS_DEMO  # in the demo a login and a password suffice
USERSESSIONS_TRACK_ACTIVITY = False
MFA_ADAPTER = "accounts.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODE_COUNT = 10
MFA_RECOVERY_CODE_DIGITS = 10
MFA_WEBAUTHN_USER_VERIFICATION = "required"

# --- Sign-in with WeChat: a website app, and an official account for pages opened within WeChat
WEIXIN_APP_ID, WEIXIN_APP_SECRET = environment.pair("WEIXIN_APP_ID", "WEIXIN_APP_SECRET")
WEIXIN_OFFICIAL_APP_ID, WEIXIN_OFFICIAL_APP_SECRET = environment.pair(
    "WEIXIN_OFFICIAL_APP_ID", "WEIXIN_OFFICIAL_APP_SECRET"
)
HAS_WECHAT = bool(WEIXIN_APP_ID or WEIXIN_OFFICIAL_APP_ID)
_wechat = environment.address("WEIXIN_BASE_URL", "", schemes={"http", "https"}, is_optional=True).rstrip("/")
WEIXIN_API_URL = _wechat or "https://api.weixin.qq.com"
WEIXIN_PAGE_URL = _wechat or "https://open.weixin.qq.com"
_app_pairs = [(WEIXIN_APP_ID, WEIXIN_APP_SECRET), (WEIXIN_OFFICIAL_APP_ID, WEIXIN_OFFICIAL_APP_SECRET)]
_app_list = [{"client_id": id, "secret": secret} for id, secret in _app_pairs if id]
SOCIALACCOUNT_ADAPTER = "accounts.adapter.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
SOCIALACCOUNT_PROVIDERS = {"weixin": {"provider_class": "accounts.wechat.provider.WechatProvider", "APPS": _app_list}}

# --- SMS gateways
SMS_GATEWAYS = {"file": "sms.gateways.file.FileGateway", "twilio": "sms.gateways.twilio.TwilioGateway"}
_is_file_allowed = HAS_DEMO or environment.flag("SMS_FILE_ALLOWED")
SMS_GATEWAY = environment.sms_gateway("SMS_GATEWAY", "file", SMS_GATEWAYS, is_file_allowed=_is_file_allowed)
SMS_FILE = environment.file("SMS_FILE", VAR_DIR / "sms.jsonl", base=BASE_DIR)
TWILIO_ACCOUNT_SID = environment.text("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKEN = environment.text("TWILIO_AUTH_TOKEN")
TWILIO_FROM = environment.text("TWILIO_FROM")
TWILIO_MESSAGING_SERVICE_SID = environment.text("TWILIO_MESSAGING_SERVICE_SID")
TWILIO_BASE_URL = environment.address("TWILIO_BASE_URL", "", schemes={"http", "https"}, is_optional=True)

# --- Wiring: what accounts asks about members, and a cap on uploads
ACCOUNTS_MEMBERSHIP = "directory.entry.membership.DirectoryMembership"
FILE_UPLOAD_HANDLERS = ["directory.imports.upload.UploadCap", *global_settings.FILE_UPLOAD_HANDLERS]

# --- Cookies, security headers and Content Security Policy
SESSION_COOKIE_AGE = ACCOUNTS_SESSION_SECONDS  # noqa: F405
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "exmail_admin.views.csrf_failure"
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
        # The form for sign-in with WeChat redirects to WeChat.
        "form-action": [SELF, WEIXIN_PAGE_URL] if HAS_WECHAT else [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
