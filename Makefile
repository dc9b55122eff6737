# `make run` is all a first look needs. From a clean checkout: Python 3.11 or newer, and make.
PYTHON ?= python3
python := .venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup run test test-all check bench lock venv venv-dev

setup: venv
	@$(python) -m exmail_admin.dev.setup

# The runner takes the place of the shell and ends when make does, however make ends.
run: venv
	@exec $(python) -m exmail_admin.dev.run --parent $$PPID

test: venv-dev
	@exec $(python) -m exmail_admin.dev.test_runner

test-all: venv-dev
	@exec $(python) -m exmail_admin.dev.test_runner --all

# What a production would be set to, so that `check --deploy` judges that and not the demo.
production := DEBUG=0 SECRET_KEY=not-a-secret-only-for-the-check-0123456789-abcdefghijkl \
  PUBLIC_URL=https://mail.example.com SMS_FILE_ALLOWED=1 DATABASE_URL= REDIS_URL=

check: venv-dev
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	.venv/bin/lint-imports --no-cache
	$(production) $(python) -m mypy .
	$(production) $(python) manage.py check --deploy --fail-level WARNING
	$(production) $(python) manage.py makemigrations --check --dry-run
	$(production) $(python) manage.py translations check

# Each benchmark is a management command; a new one joins by its name.
bench: setup
	@for command in */management/commands/bench_*.py; do \
	  [ -e "$$command" ] || continue; \
	  name=$$(basename "$$command" .py); echo "== $$name"; $(python) manage.py $$name || exit 1; \
	done

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH (https://docs.astral.sh/uv/)." >&2; exit 1; }
	uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 requirements.in -o requirements.txt
	uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 requirements-dev.in -o requirements-dev.txt

# Installed again only when a lock's content has changed; the copy inside .venv says what is installed.
venv:
	@found=$$($(PYTHON) --version 2>&1) || found="no Python"; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed, but $(PYTHON) is $$found. Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(python) -c '' 2>/dev/null || \
	  { echo "Making the virtual environment in .venv."; $(PYTHON) -m venv --clear .venv || \
	  { echo "The virtual environment can't be made; on Debian install the package python3-venv." >&2; exit 1; }; }
	@cmp -s requirements.txt .venv/requirements.txt || { echo "Installing the dependencies; this happens once." && \
	  $(python) -m pip install --quiet --require-hashes -r requirements.txt && cp requirements.txt .venv/; }

venv-dev: venv
	@cmp -s requirements-dev.txt .venv/requirements-dev.txt || { echo "Installing what tests and checks need; this happens once." && \
	  $(python) -m pip install --quiet --require-hashes -r requirements-dev.txt && cp requirements-dev.txt .venv/; }
