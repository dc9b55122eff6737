"""A floor above accounts, as its settings name one."""

from accounts.models import Enterprise
from accounts.sign_in.sessions import enter_enterprise


def enterprises_of(phone):
    """The test's one enterprise for one number, by the same statement as nothing for the others."""
    return list(Enterprise.objects.filter(name="示例科技" if phone == "+8613800138001" else "nowhere"))


def enter_nothing(request):
    pass


def trust_all(request):
    return True


def trust_none(request):
    return False


def enter_where_a_role_is(request):
    if request.user.is_authenticated and (role := request.user.roles.first()):
        enter_enterprise(request, role.enterprise)
