"""Every icon that a template or the navigation names exists; a missing one breaks the page."""

import re

from django.conf import settings

from exmail_admin.context import NAV_ITEMS
from exmail_admin.templatetags.icons import lucide

NAMED = re.compile(r'lucide "([a-z0-9-]+)"|(?<![:\w])icon="([a-z0-9-]+)"')
TEXTS = [path.read_text() for path in sorted((settings.BASE_DIR / "templates").rglob("*.html"))]
ICONS = {first or second for text in TEXTS for first, second in NAMED.findall(text)} | {item.icon for item in NAV_ITEMS}


def test_every_icon_exists():
    assert [name for name in sorted(ICONS) if "<svg" not in lucide(name)] == []
