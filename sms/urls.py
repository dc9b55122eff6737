from django.urls import path

from sms import views

app_name = "sms"
urlpatterns = [
    path("hooks/twilio/status/", views.twilio_status, name="twilio_status"),
]
