"""A floor above accounts, as its settings name one."""

from accounts.sign_in import enter_enterprise


def is_listed(phone):
    return phone == "+8613800138001"


def enter_nothing(request):
    pass


def enter_where_a_role_is(request):
    if request.user.is_authenticated and (role := request.user.roles.first()):
        enter_enterprise(request, role.enterprise)
