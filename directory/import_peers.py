"""django-import-export doing the same: each member with their address and department, previewed and then imported.

Three ways: as it comes; in bulk with full_clean, which alone keeps the uniqueness rules and is therefore the fair one;
in bulk without any check and with all instances loaded at once. They know no departments, phones abroad, activation,
second reading of a name, clash within the file or undo. The peer is a dependency of development, imported when asked.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from openpyxl import Workbook

from directory.models import Address, Department, Domain, Member, Membership
from directory.search_keys import keys_of
from sms.phones import parse_phone

UNSET = {"user", "origin", "invited_at", "joined_at", "last_entered_at", "deleted_at", "purged_at", "deleted_by"}
Way = Callable[[Department, int], None]


def _import(kind: str) -> Way:
    def way(department: Department, rows: int) -> None:
        import tablib  # as above

        resource = _resources(department)[kind]
        data = tablib.Dataset().load(_table(rows), format="xlsx")
        checked = resource().import_data(data, dry_run=True, raise_errors=True)
        assert not checked.has_validation_errors()
        resource().import_data(data, dry_run=False, raise_errors=True)
        assert Member.objects.count() == Address.objects.filter(purpose="primary").count() == rows

    return way


PEERS = [
    ("django-import-export as it comes", _import("as it comes")),
    ("… in bulk with full_clean: the fair peer", _import("fair")),
    ("… tuned, nothing checked", _import("tuned")),
]


def _resources(department: Department) -> dict[str, Any]:
    from import_export.instance_loaders import CachedInstanceLoader  # as above
    from import_export.resources import ModelResource  # as above

    enterprise = department.enterprise
    domain = Domain.objects.get(enterprise=enterprise, is_default=True)

    def address_of(member: Member) -> Address:
        return Address(
            enterprise=enterprise, domain=domain, local=member.account, purpose=Address.Purpose.PRIMARY, member=member
        )

    class AsItComes(ModelResource):
        class Meta:
            model = Member
            fields = ("name", "account", "phone", "position")
            import_id_fields = ("account",)

        def before_import_row(self, row: Any, **kwargs: Any) -> None:
            row["phone"] = parse_phone(row["phone"])

        def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            instance.enterprise, instance.main_department = enterprise, department
            instance.pinyin, instance.initials, instance.phone_reversed = keys_of(instance.name, instance.phone)

        def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            if not self._meta.use_bulk:
                Membership.objects.create(member=instance, department=department)
                address_of(instance).save()

    class Tuned(AsItComes):
        class Meta(AsItComes.Meta):
            use_bulk = True
            batch_size = 500
            skip_diff = True
            instance_loader_class = CachedInstanceLoader

        def bulk_create(self, *args: Any, **kwargs: Any) -> None:
            made = list(self.create_instances)
            super().bulk_create(*args, **kwargs)
            Membership.objects.bulk_create(Membership(member=one, department=department) for one in made)
            Address.objects.bulk_create(address_of(one) for one in made)

    class Fair(Tuned):
        class Meta(Tuned.Meta):
            clean_model_instances = True

        def validate_instance(self, instance: Any, *args: Any, **kwargs: Any) -> None:
            self.before_save_instance(instance, {})
            instance.full_clean(exclude=UNSET, validate_unique=True)
            address_of(instance).full_clean(exclude={"member"})

    return {"as it comes": AsItComes, "fair": Fair, "tuned": Tuned}


def _table(rows: int) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["name", "account", "phone", "position"])
    for number in range(rows):
        sheet.append([f"王建{number}", f"u{number}", f"139{number:08d}", "工程师"])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
