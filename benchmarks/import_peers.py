"""The same import by django-import-export: read, preview, read again (as its pages do), import, set the search keys.

Three variants: as it comes; in bulk with full_clean, the only one that checks uniqueness and therefore the fair one; in
bulk without checks and with all instances loaded at once. None supports paths of departments, activation, conflicts in
the file, origin or undo. The library is a development dependency, imported when used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from directory.members.search_keys import keys_of, other_readings
from directory.models import Address, Department, Domain, Member, Membership, Reading
from sms.phones import parse_phone

UNSET = {"user", "origin", "invited_at", "joined_at", "last_entered_at", "deleted_at", "erased_at", "deleted_by"}
HEADINGS = {"name": "姓名*", "account": "邮箱前缀*", "phone": "手机号", "position": "职务"}
Importer = Callable[[Department, bytes], None]


def _import(kind: str) -> Importer:
    def run(department: Department, content: bytes) -> None:
        import tablib  # as above

        resource = _resources(department)[kind]
        data = tablib.Dataset().load(content, format="xlsx")
        checked = resource().import_data(data, dry_run=True, raise_errors=True)
        assert not checked.has_validation_errors()
        data = tablib.Dataset().load(content, format="xlsx")
        resource().import_data(data, dry_run=False, raise_errors=True)
        assert Member.objects.count() == Address.objects.filter(purpose="primary").count() == len(data)

    return run


SLOW_PEERS = [
    ("… as it comes", _import("as it comes")),
    ("… in bulk with full_clean: the fair peer", _import("fair")),
]
TUNED_PEER = ("django-import-export tuned, nothing checked", _import("tuned"))


def _resources(department: Department) -> dict[str, Any]:
    from import_export.fields import Field  # as above
    from import_export.instance_loaders import CachedInstanceLoader  # as above
    from import_export.resources import ModelResource  # as above

    enterprise = department.enterprise
    domain = Domain.objects.get(enterprise=enterprise, is_default=True)

    def address_of(member: Member) -> Address:
        return Address(
            enterprise=enterprise, domain=domain, local=member.account, purpose=Address.Purpose.PRIMARY, member=member
        )

    def readings_of(member: Member) -> list[Reading]:
        readings = other_readings(member.name)
        return [Reading(enterprise=enterprise, member=member, **reading._asdict()) for reading in readings]

    def complete(members: Sequence[Member]) -> None:
        Membership.objects.bulk_create(Membership(member=one, department=department) for one in members)
        Address.objects.bulk_create(address_of(one) for one in members)
        Reading.objects.bulk_create(reading for one in members for reading in readings_of(one))

    class AsItComes(ModelResource):
        name, account, phone, position = (
            Field(attribute=attribute, column_name=heading) for attribute, heading in HEADINGS.items()
        )

        class Meta:
            model = Member
            fields = tuple(HEADINGS)
            import_id_fields = ("account",)

        def before_import_row(self, row: Any, **kwargs: Any) -> None:
            row[HEADINGS["phone"]] = parse_phone(row[HEADINGS["phone"]])

        def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            instance.enterprise, instance.main_department = enterprise, department
            vars(instance).update(keys_of(instance.name, instance.phone)._asdict())

        def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            if not self._meta.use_bulk:
                complete([instance])

    class Tuned(AsItComes):
        class Meta(AsItComes.Meta):
            use_bulk = True
            batch_size = 500
            skip_diff = True
            instance_loader_class = CachedInstanceLoader

        def bulk_create(self, *args: Any, **kwargs: Any) -> None:
            made = list(self.create_instances)
            super().bulk_create(*args, **kwargs)
            complete(made)

    class Fair(Tuned):
        class Meta(Tuned.Meta):
            clean_model_instances = True

        def validate_instance(self, instance: Any, *args: Any, **kwargs: Any) -> None:
            self.before_save_instance(instance, {})
            instance.full_clean(exclude=UNSET, validate_unique=True)
            address_of(instance).full_clean(exclude={"member"})

    return {"as it comes": AsItComes, "fair": Fair, "tuned": Tuned}
