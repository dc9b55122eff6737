"""The app of shared machinery, which knows nothing of the product."""

from django.apps import AppConfig
from django.forms import Field
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        # Django's own text names a rule ("This field is required."); ours says what to do. A field may say it better.
        Field.default_error_messages["required"] = _("Fill in this field.")
