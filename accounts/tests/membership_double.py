"""Test doubles of `accounts.membership.Membership`, named by the setting ACCOUNTS_MEMBERSHIP."""

from accounts.membership import Membership
from accounts.models import Enterprise
from accounts.sign_in.sessions import enter_enterprise

DOUBLE = f"{__name__}.MembershipDouble"
ENTERING_DOUBLE = f"{__name__}.EnteringMembershipDouble"


class MembershipDouble(Membership):
    """Knows one phone number, restricts no session, and enters an enterprise only where the sign-in names one."""

    def enterprises_of_phone(self, phone):
        """The test's one enterprise for one number, by the same statement as nothing for the others."""
        return list(Enterprise.objects.filter(name="示例科技" if phone == "+8613800138001" else "nowhere"))

    def may_act_in(self, user, enterprise):
        is_member = user.members.filter(enterprise=enterprise, status="active").exists()
        return user.is_active and (is_member or user.roles.filter(enterprise=enterprise).exists())

    def session_is_unrestricted(self, request):
        return True

    def enter_only_enterprise(self, request):
        pass

    def enter_if_allowed(self, request, enterprise):
        if self.may_act_in(request.user, enterprise):
            enter_enterprise(request, enterprise)


class EnteringMembershipDouble(MembershipDouble):
    """Enters the enterprise of the user's first role after each sign-in."""

    def enter_only_enterprise(self, request):
        if request.user.is_authenticated and (role := request.user.roles.first()):
            enter_enterprise(request, role.enterprise)
