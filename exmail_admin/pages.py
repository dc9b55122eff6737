"""The URLs of this package, which have a namespace and therefore a module beside urls.py."""

from django.urls import path

from exmail_admin import health, views
from exmail_admin.demo import views as demo

app_name = "exmail_admin"
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("language/", views.language, name="language"),
    path("theme/", views.theme, name="theme"),
    path("demo/components/", demo.demo_components, name="demo_components"),
    path("demo/phone/", demo.demo_phone, name="demo_phone"),
]
