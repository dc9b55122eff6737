"""Constants of join links, applications and batches; `exmail_admin/settings.py` imports each as a Django setting.

Numbers in parentheses are sections of security.md. An address is a client's IPv4 address or IPv6 /64 network.
"""

# --- Join links (3.1)
# The defaults of a new named link.
JOIN_LINK_DAYS = 7
JOIN_LINK_USES = 500
# A named link is on the overview once it expires within this many days, or this share of its uses is taken.
LINK_ENDING_DAYS = 3
LINK_ENDING_SHARE = 0.9
# Requests for links that do not exist, per address. Requests for existing links are not limited, because a whole
# company can share an address.
JOIN_UNKNOWN_PER_MINUTE = 30
# How long an applicant can use a verified phone number: enough to fill in the form and to come back to it.
JOIN_PROOF_SECONDS = 1800

# --- Applications
APPLICATIONS_PER_DAY = 3  # per phone number, in rolling 24 hours (3.1)
APPLICATIONS_PENDING = 200  # per enterprise, so that a flood cannot bury the real ones (3.1)
# Applications that a request decides itself; a worker decides more. One takes up to 150 ms on two slow cores.
APPLICATIONS_AT_ONCE = 20
APPLICATION_KEPT_DAYS = 90  # after rejection or withdrawal, for questions about the decision (6.4)
# Checks of a mailbox prefix per verified phone number, so that the form cannot be used to list addresses (3.2).
PREFIX_CHECKS_PER_HOUR = 10

# --- Invitation batches
# Members selected one by one; more are selected by a filter.
BATCH_SELECTED_MAX = 500
