"""A floor above accounts, as its settings name one, that knows a single number."""


def is_listed(phone):
    return phone == "+8613800138001"


def enter_nothing(request):
    pass
