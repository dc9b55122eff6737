"""Conventions that span files: layers, names, and which files belong together."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.template import Context, Template
from django.template.loader import get_template
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.audit_log.vocabulary import all_words
from exmail_admin.dev import translations
from exmail_admin.tests.recorded import recorded_actions

IMPORTS = (ast.Import, ast.ImportFrom)
ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("core", "sms", "accounts", "directory", "invitations", "exmail_admin", "benchmarks")
SOURCES = [
    path
    for app in APPS
    for path in sorted((ROOT / app).rglob("*.py"))
    if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)
]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPT_READ = {"PORT", "HOST", "TEST_DATABASE_URL"}  # read by make's programs, not by the settings
# The plan of every package, from the top: a module imports none of its app that stands higher.
PLAN = [
    re.compile(r"\w+\.(urls|tasks|management|middleware|pages|templatetags)\b"),
    re.compile(r"\w+\.(\w+\.)?(\w+_)?views$"),
    re.compile(r"\w+\.(\w+\.)?((\w+_)?forms|list)$"),
    re.compile(r"(?!\w+\.models\b)"),
    re.compile(r"\w+\.models\b"),
]


def name(path: Path) -> str:
    """Return the dotted name of a source file's module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name(path): path for path in SOURCES}


def imports(path: Path) -> Iterator[str]:
    """Yield our modules that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from (module for module in (inner, node.module) if module in MODULES)


def rank(module: str) -> int:
    """Return the index in PLAN of a module; 0 is the top."""
    return next(index for index, pattern in enumerate(PLAN) if pattern.match(module))


def test_pages_use_actions_and_actions_use_models():
    """The packages' own layers, and those of the apps, are contracts in pyproject.toml (`make check`)."""
    wrong = [
        f"{module} imports {imported}"
        for module, path in MODULES.items()
        for imported in imports(path)
        if imported.split(".")[0] == module.split(".")[0] and rank(imported) < rank(module)
    ]
    assert wrong == []


def test_an_import_inside_a_function_says_why():
    silent = []
    for path in SOURCES:
        lines = path.read_text().splitlines()
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        inside = {node.lineno for each in functions for node in ast.walk(each) if isinstance(node, IMPORTS)}
        silent += [f"{name(path)}:{n}" for n in sorted(inside) if "#" not in lines[n - 1] and "#" not in lines[n - 2]]
    assert silent == []


def test_no_folder_is_crowded_and_none_holds_a_single_module():
    folders = Counter(path.parent for app in APPS for path in (ROOT / app).rglob("*.py") if path.stem != "__init__")
    counts = {folder.relative_to(ROOT).as_posix(): n for folder, n in folders.items() if folder.name != "migrations"}
    assert {folder: n for folder, n in counts.items() if not 2 <= n <= 20} == {}


def test_no_module_is_a_drawer_for_anything():
    assert [path for path in SOURCES if path.stem in {"utils", "helpers", "common", "misc", "signals"}] == []


def routes(resolver: URLResolver | None = None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every route's full name and pattern."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, pattern.namespace or space)
        else:
            yield f"{space}:{pattern.name}", pattern


def test_a_route_is_named_as_its_view():
    wrong = [
        f"{route} leads to {pattern.callback.__module__}.{pattern.callback.__name__}"
        for route, pattern in routes()
        if route != f"{pattern.callback.__module__.split('.')[0]}:{pattern.callback.__name__}"
    ]
    assert wrong == []


def test_our_tag_of_a_static_file_says_what_django_s_says():
    path = '"css/a b&c.css"'
    ours, theirs = (Template(f"{load}{{% static {path} %}}").render(Context()) for load in ("", "{% load static %}"))
    assert ours == theirs == "/static/css/a%20b%26c.css"


def page_templates() -> list[Path]:
    """Return the templates of whole pages."""
    return [path for app in APPS for path in sorted((ROOT / "templates" / app).glob("[!_]*.html"))]


def text_of_all() -> str:
    """Return all text that may name a template."""
    files = [*SOURCES, *(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.txt")]
    return "\n".join(path.read_text() for path in files)


def test_a_page_is_named_as_a_view_of_its_app_or_as_a_state_of_one():
    views = {route.replace(":", "/") for route, _ in routes()}
    strays = [
        page
        for path in page_templates()
        if (page := f"{path.parent.name}/{path.stem}") not in views
        and not any(page.startswith(f"{view}_") for view in views)
    ]
    assert strays == []


def test_every_template_is_used_and_loads():
    text, unused = text_of_all(), []
    for path in TEMPLATES:
        name = path.relative_to(ROOT / "templates").as_posix()
        names = {"components": (name, f"c-{path.stem}"), "errors": (path.stem,)}.get(path.parent.name, (name,))
        if not any(each in text for each in names):
            unused.append(name)
        get_template(name)
    assert unused == []


def test_a_template_is_short_and_its_style_and_script_stand_elsewhere():
    inline = re.compile(r"<style|\sstyle=|<script(?![^>]*\bsrc=)|\son\w+=\"|javascript:")
    problems = []
    for path in TEMPLATES:
        lines, name = path.read_text().splitlines(), path.relative_to(ROOT)
        problems += [f"{name}:{n} is wider than 160 characters" for n, line in enumerate(lines, 1) if len(line) > 160]
        problems += [f"{name} is longer than 150 lines"] if len(lines) > 150 else []
        problems += [f"{name} has a style or script inline"] if inline.search(path.read_text()) else []
    assert problems == []


def test_every_class_that_has_a_rule_is_used():
    """A modifier that a template composes (`badge--{{ tone }}`) is used if its block is."""
    styles = "\n".join(path.read_text() for path in (ROOT / "static/css").rglob("*.css"))
    classes = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/", "", styles, flags=re.DOTALL)))
    pages = text_of_all()
    composed = set(re.findall(r"([\w-]+--)\{", pages))
    used = set(re.findall(r"[a-z][\w-]*", pages))
    assert [each for each in sorted(classes - used) if not each.startswith(tuple(composed))] == []


def test_every_image_is_used():
    pages = text_of_all()
    assert [path for path in (ROOT / "static/img").iterdir() if path.name not in pages] == []


def settings_variables() -> set[str]:
    """Return the variables that settings.py passes to functions of `environment`, and those that these read by name."""
    files = [ROOT / "exmail_admin/settings.py", ROOT / "exmail_admin/environment.py"]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    calls = [node for node in nodes if re.fullmatch(r"environment\.\w+|text", ast.unparse(node.func))]
    constants = {arg.value for call in calls for arg in call.args if isinstance(arg, ast.Constant)}
    return {constant for constant in constants if re.fullmatch(r"[A-Z][A-Z_]+", str(constant))}


def test_every_variable_of_the_environment_is_explained_and_none_other():
    text = (ROOT / ".env.example").read_text()
    explained = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, re.MULTILINE))
    assert explained == settings_variables() | SCRIPT_READ
    for block in text.strip().split("\n\n"):
        assert block.startswith("# "), block


def test_only_the_settings_and_the_tools_read_the_environment():
    tools = re.compile(r"exmail_admin\.(dev\.\w+|environment|wsgi|celery)|benchmarks\.\w+")
    readers = [name(path) for path in SOURCES if "os.environ" in path.read_text()]
    assert [reader for reader in readers if not tools.fullmatch(reader)] == []


def test_every_constant_of_an_app_is_used_and_explained():
    """A comment that gives its reason stands on its line, or above it in its group; a heading (`# ---`) is none."""
    files = [path for path in SOURCES if path.name == "conf.py"]
    code = "\n".join(path.read_text() for path in SOURCES if path not in files)
    used, seen, problems = set(re.findall(r"\bsettings\.([A-Z_]+)\b", code)), set(), []
    for path in files:
        is_explained = False
        for line in path.read_text().splitlines():
            constant = re.match(r"([A-Z_]+) = ", line)
            if constant is None:
                is_explained = line.startswith("# ") and not line.startswith("# ---")
                continue
            checks = {"unused": constant[1] not in used, "defined twice": constant[1] in seen}
            checks["without a comment"] = not is_explained and "  # " not in line
            problems += [f"{name(path)}.{constant[1]} is {fault}" for fault, is_found in checks.items() if is_found]
            seen.add(constant[1])
    assert problems == []


@pytest.mark.django_db
def test_no_migration_is_missing():
    """`makemigrations` writes what is missing; it is then folded into the app's first one (README, "Recipes")."""
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_translations_are_complete():
    """`manage.py translations update` adds what is missing, and compiles (README, "Recipes")."""
    assert translations.problems() == []


def test_every_action_of_the_audit_log_has_words_and_no_words_are_idle():
    """They stand in `audit_words.py` of the app that records it."""
    recorded = {action for _path, action in recorded_actions(SOURCES)}
    named = [action for actions in all_words().actions.values() for action in actions]
    assert recorded == set(named)
    assert len(named) == len(set(named))


def is_real(path: str) -> bool:
    """True if something has this path, from the root or within an app (`views.py` and `imports/` are named alike)."""
    return bool(list(ROOT.glob(path))) or any(list((ROOT / app).rglob(path)) for app in APPS)


def test_every_path_that_the_documents_name_is_real():
    for document in ("README.md", "README.zh-CN.md", "CHANGELOG.md", "docs/qr-sign-in.md"):
        text = (ROOT / document).read_text()
        paths = re.findall(r"`([\w./*-]+/[\w./*-]*|[\w-]+\.(?:py|md|toml|ini|txt|in))`", text)
        paths += [link for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text) if not document.startswith("docs/")]
        checked = {path.rstrip("/") for path in paths if not path.startswith(("/", "var", ".venv"))}
        assert sorted(path for path in checked if not is_real(path)) == [], document


def test_every_dependency_says_why_it_is_here():
    for file in ("requirements.in", "requirements-dev.in"):
        for line in (ROOT / file).read_text().splitlines():
            assert line.startswith(("#", "-")) or re.search(r"\S\s+# \S+", line), line


def test_the_line_of_apps_is_installed_in_its_order():
    ours = [config.name for config in apps.get_app_configs() if config.name in APPS]
    assert ours == list(APPS)


def test_every_test_file_is_found_by_the_suite():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == ">=3.11"
    assert [path for app in APPS for path in (ROOT / app).glob("test_*.py")] == []


def test_the_chinese_readme_says_what_the_english_one_says():
    """The same sections, tables, commands, paths and pictures in the same order; only the words differ."""
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))
    for shape in (r"^#+ ", r"^\|", r"^- ", r"^\*\*", r"^```", r"(?<=\]\()(?!README)[^)]+"):
        assert len(re.findall(shape, english, re.M)) == len(re.findall(shape, chinese, re.M)), shape
    assert re.findall(r"```.*?```", english, re.S) == re.findall(r"```.*?```", chinese, re.S)
    assert sorted(re.findall(r"(?<!`)`[^`\n]+`(?!`)", english)) == sorted(re.findall(r"(?<!`)`[^`\n]+`(?!`)", chinese))
