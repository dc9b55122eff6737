from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command

from exmail_admin import bundles

MANIFEST = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}


def test_the_bundles_hold_every_source_file_once():
    style, script = bundles.stylesheet(), bundles.script()
    for path in (settings.BASE_DIR / "static").rglob("*.*"):
        expected = {".css": (1, 0), ".js": (0, 1), ".svg": (0, 0)}[path.suffix]
        assert (style.count(path.read_text()), script.count(path.read_text())) == expected, path


def test_the_stylesheet_begins_with_the_order_of_the_layers():
    assert "@layer reset, base, layout, components, pages;" in bundles.stylesheet().split("{")[0]


def test_each_script_has_a_scope_of_its_own_and_htmx_is_global():
    script = bundles.script()
    assert script.startswith(bundles.HTMX.read_text())
    assert script.count("\n;(() => {\n") == len(list((settings.BASE_DIR / "static/js").glob("*.js")))


@pytest.mark.parametrize("url", ["/login/", "/nothing/"])
@pytest.mark.django_db
def test_a_page_loads_one_stylesheet_and_one_script(client, url):
    page = client.get(url).content.decode()
    assert page.count('rel="stylesheet"') == page.count('href="/static/app.css"') == 1
    assert page.count("<script") == page.count('<script src="/static/app.js" defer></script>') == 1


def test_an_edit_shows_at_the_next_request(tmp_path, settings, monkeypatch):
    settings.BUNDLE_DIR = tmp_path / "bundles"
    (tmp_path / "css").mkdir()
    monkeypatch.setattr(bundles, "SOURCE_DIR", tmp_path)
    finder = bundles.BundleFinder()
    for content in ("a { color: red }", "a { color: green }"):
        (tmp_path / "css" / "base.css").write_text(content)
        assert Path(finder.find("app.css")).read_text() == content
    assert not finder.find("css/base.css")


def test_production_serves_compressed_bundles_under_a_hash_of_their_content(tmp_path, settings):
    settings.STORAGES = {**settings.STORAGES, **MANIFEST}
    settings.STATIC_ROOT = tmp_path
    settings.STATICFILES_FINDERS = ["exmail_admin.bundles.BundleFinder"]
    finders.get_finder.cache_clear()
    call_command("collectstatic", interactive=False, verbosity=0)
    for pattern in ("app.????????????.css", "app.????????????.css.gz", "app.????????????.js", "app.????????????.js.gz"):
        assert len(list(tmp_path.glob(pattern))) == 1, pattern
