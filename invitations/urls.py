"""Routes of invitations."""

from django.urls import path

from invitations import views

app_name = "invitations"
urlpatterns = [
    path("console/", views.overview, name="overview"),
]
