"""The laws of the house: what can't be seen by reading one file is held here."""

import ast
import re
import tomllib
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

ROOT = Path(__file__).resolve().parent.parent.parent
LINE = ("core", "sms", "accounts", "directory", "invitations", "exmail_admin", "benchmarks")
DOORS = {"urls", "views", "forms", "tasks", "management", "middleware", "templatetags"}
SOURCES = [
    path for app in LINE for path in sorted((ROOT / app).rglob("*.py")) if not {"tests", "migrations"} & set(path.parts)
]
SCRIPT_READ = {"PORT", "HOST", "TEST_DATABASE_URL"}  # read by make's programs, not by the settings


def name(path: Path) -> str:
    """The dotted name of a source file's module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """What a module imports of ours, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in LINE)
        elif isinstance(node, ast.ImportFrom):
            base = (
                node.module if not node.level else ".".join([*name(path).split(".")[: -node.level], node.module or ""])
            )
            if base.split(".")[0] in LINE:
                yield from (f"{base}.{alias.name}" for alias in node.names)


def part(module: str) -> str:
    """Which part of its app a module is: its second word, `forms` for member_forms too."""
    word = [*module.split("."), ""][1]
    return word.rpartition("_")[2] if word.endswith("_forms") else word


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_an_app_imports_only_those_below_it(path):
    own = LINE.index(path.relative_to(ROOT).parts[0])
    above = [module for module in imports(path) if LINE.index(module.split(".")[0]) > own]
    assert above == []


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parts[len(ROOT.parts)] != "exmail_admin"], ids=name)
def test_verbs_import_no_doors_and_models_no_verbs(path):
    own = part(name(path))
    if own in DOORS or own == "apps":
        return
    same_app = [module for module in imports(path) if module.split(".")[0] == path.relative_to(ROOT).parts[0]]
    assert [module for module in same_app if part(module) in DOORS] == []
    if own == "models":
        assert [module for module in same_app if part(module) not in {"models", "querysets"}] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_an_import_inside_a_function_says_why(path):
    lines = path.read_text().splitlines()
    inside = {
        node.lineno
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    silent = [number for number in inside if "#" not in lines[number - 1] and "#" not in lines[number - 2]]
    assert silent == []


def test_no_module_is_a_drawer_for_anything():
    assert [path for path in SOURCES if path.stem in {"utils", "helpers", "common", "misc", "signals"}] == []


def routes(resolver: URLResolver | None = None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every route: its full name and its pattern."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, pattern.namespace or space)
        else:
            yield f"{space}:{pattern.name}", pattern


@pytest.mark.parametrize(("route", "pattern"), list(routes()), ids=lambda each: each if isinstance(each, str) else "")
def test_a_route_bears_the_name_of_its_view(route, pattern):
    assert route.split(":")[1] == pattern.callback.__name__
    assert pattern.callback.__module__.split(".")[0] == route.split(":")[0]


def test_our_tag_of_a_static_file_says_what_django_s_says():
    path = '"css/a b&c.css"'
    ours, theirs = (Template(f"{load}{{% static {path} %}}").render(Context()) for load in ("", "{% load static %}"))
    assert ours == theirs == "/static/css/a%20b%26c.css"


def page_templates() -> list[Path]:
    """Templates that are whole pages: not parts, components or layouts."""
    return [path for app in LINE for path in sorted((ROOT / "templates" / app).glob("[!_]*.html"))]


def text_of_all() -> str:
    """Everything that may name a template."""
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
    for path in (ROOT / "templates").rglob("*.html"):
        place = path.relative_to(ROOT / "templates").as_posix()
        names = {"components": (place, f"c-{path.stem}"), "errors": (path.stem,)}.get(path.parent.name, (place,))
        if not any(each in text for each in names):
            unused.append(place)
        get_template(place)
    assert unused == []


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_a_page_is_short_and_its_style_and_script_stand_elsewhere(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 150
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\bsrc=)|\son\w+=\"|javascript:", text)


@pytest.mark.parametrize("path", sorted((ROOT / "static").rglob("*.*")), ids=lambda path: path.name)
def test_every_file_of_ours_that_is_served_is_used(path):
    place = path.relative_to(ROOT / "static").as_posix()
    styles = "\n".join(each.read_text() for each in (ROOT / "static").rglob("*.css"))
    assert path.name == ".gitkeep" or place in text_of_all() or path.name in styles


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
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_translations_are_complete():
    assert translations.problems() == []


def test_every_action_of_the_audit_log_has_words_and_no_words_are_idle():
    """They stand in `audit_words.py` of the app that records it."""
    recorded = {action for _path, action in recorded_actions(SOURCES)}
    named = [action for actions in all_words().actions.values() for action in actions]
    assert recorded == set(named)
    assert len(named) == len(set(named))


def test_every_path_that_the_documents_name_is_real():
    for document in ("README.md", "CHANGELOG.md"):
        text = (ROOT / document).read_text()
        named = re.findall(r"`([\w./*-]+/[\w./*-]*|[\w-]+\.(?:py|md|toml|ini|txt|in))`", text)
        named += re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
        missing = [path for path in named if not path.startswith("/") and not list(ROOT.glob(path.rstrip("/")))]
        assert [path for path in missing if not path.startswith(("var", ".venv"))] == [], document


def test_every_dependency_says_why_it_is_here():
    for file in ("requirements.in", "requirements-dev.in"):
        for line in (ROOT / file).read_text().splitlines():
            assert line.startswith(("#", "-")) or re.search(r"\S\s+# \S+", line), line


def test_the_line_of_apps_is_installed_in_its_order():
    ours = [config.name for config in apps.get_app_configs() if config.name in LINE]
    assert ours == list(LINE)


def test_every_test_file_is_found_by_the_suite():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == ">=3.11"
    assert [path for app in LINE for path in (ROOT / app).glob("test_*.py")] == []


def test_the_chinese_readme_says_what_the_english_one_says():
    """The same sections, tables, commands, paths and pictures in the same order; only the words differ."""
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))
    for shape in (r"^#+ ", r"^\|", r"^- ", r"^\*\*", r"^```", r"(?<=\]\()(?!README)[^)]+"):
        assert len(re.findall(shape, english, re.M)) == len(re.findall(shape, chinese, re.M)), shape
    assert re.findall(r"```.*?```", english, re.S) == re.findall(r"```.*?```", chinese, re.S)
    assert sorted(re.findall(r"(?<!`)`[^`\n]+`(?!`)", english)) == sorted(re.findall(r"(?<!`)`[^`\n]+`(?!`)", chinese))
