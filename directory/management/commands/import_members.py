"""Import a workbook from the operator's shell, with the rules, counts and workbook of refused rows of the console."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit.recording import command_actor
from accounts.models import Role, User
from accounts.permissions import Permission, may
from directory.imports.actions import begin_import
from directory.imports.columns import fold, split_path
from directory.imports.job import QUEUE
from directory.imports.new_departments import child_named
from directory.imports.reading.reader import WorkbookRefused
from directory.imports.transitions import cancel_import, counts_of_import
from directory.imports.upload import start_import
from directory.imports.workbook_writer import write_failed
from directory.models import Department, Domain, Import

WAIT_SECONDS = 0.2


class Command(BaseCommand):
    help = "Import members from a workbook. Prints one line of JSON. Exits with 1 if a row has errors."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--enterprise", required=True, metavar="DOMAIN", help="one of the enterprise's domains")
        parser.add_argument(
            "--department", default="", metavar="A/B", help="path below the root department (default: the root)"
        )
        parser.add_argument(
            "--by", required=True, metavar="LOGIN", help="login of the administrator who runs the import"
        )
        parser.add_argument("--update", action="store_true", help="also update existing members")
        parser.add_argument("--create-departments", action="store_true")
        parser.add_argument("--dry-run", action="store_true", help="check the file without importing it")
        parser.add_argument("--errors", type=Path, metavar="FILE", help="write the rows with errors to this .xlsx file")

    def handle(self, *args: Any, file: Path, errors: Path | None, dry_run: bool, **options: Any) -> None:
        if errors and (errors.is_dir() or not errors.parent.is_dir()):
            raise CommandError(f"{errors} can't be written: there is no such place for a file.")
        imported = self._start(file, **options)
        if imported.state == Import.State.READY:
            self._end(imported, dry_run=dry_run)
        outcome = {"import": imported.pk, "state": imported.state, **counts_of_import(imported)}
        self.stdout.write(json.dumps(outcome | ({"reason": imported.reason_text} if imported.reason else {})))
        if errors:
            _write(errors, write_failed(imported, imported.language))
        if imported.refused or imported.state == Import.State.FAILED:
            sys.exit(1)

    def _start(self, file: Path, **options: Any) -> Import:
        domain = Domain.objects.select_related("enterprise").filter(name=options["enterprise"].lower()).first()
        if not domain:
            raise CommandError(f"There is no domain {options['enterprise']}.")
        user = User.objects.filter(login=options["by"].lower()).first()
        role = Role.objects.filter(user=user, enterprise=domain.enterprise).first() if user else None
        if not user or not role or not may(role, Permission.MANAGE_MEMBERS):
            raise CommandError(f"{options['by']} may not manage members there.")
        try:
            with file.open("rb") as opened:
                imported = start_import(
                    _department(domain, options["department"]),
                    by=command_actor(user),
                    upload=File(opened, name=file.name),
                    mode=Import.Mode.UPDATE if options["update"] else Import.Mode.CREATE,
                    create_departments=options["create_departments"],
                )
        except OSError as error:
            raise CommandError(f"{file} can't be read: {error.strerror}.") from error
        except WorkbookRefused as refused:
            raise CommandError(str(refused)) from refused
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        self._work(imported)
        return imported

    def _end(self, imported: Import, *, dry_run: bool) -> None:
        by = command_actor(imported.author)
        if dry_run:
            cancel_import(imported, by=by)
        elif imported.to_apply:
            begin_import(imported, by=by)
            self._work(imported)

    def _work(self, imported: Import) -> None:
        """Work in this process, or wait if a worker has claimed the import."""
        imported.refresh_from_db()
        while imported.is_working:
            if lease := QUEUE.claim(imported.pk):
                QUEUE.take_turn(lease)
            else:
                time.sleep(WAIT_SECONDS)
            imported.refresh_from_db()


def _write(path: Path, content: bytes) -> None:
    """Write the file. Raises CommandError; the import is done, and its counts are printed already."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error


def _department(domain: Domain, path: str) -> Department:
    """Return the department by its path, which may begin with the root's name, as the pages show it."""
    at = Department.objects.select_related("enterprise").get(enterprise=domain.enterprise, parent=None)
    names = split_path(path)
    if names and fold(names[0]) == fold(at.name) and not child_named(at, names[0]):
        names = names[1:]
    for name in names:
        child = child_named(at, name)
        if not child:
            raise CommandError(f"There is no department {path}.")
        at = child
    return at
