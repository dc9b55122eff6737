"""Constants of one-time codes and of the SMS outbox; `exmail_admin/settings.py` imports each as a Django setting.

Numbers in parentheses are sections of security.md. A stranger is a phone number that is not in the directory; an
address is a client's IPv4 address or IPv6 /64 network.
"""

from datetime import timedelta

# --- One-time codes (1.2)
# NIST 800-63B and OWASP ASVS require at least six digits.
SMS_CODE_DIGITS = 6
# The lifetime of a code: five minutes, as usual in China. NIST 800-63B allows ten.
SMS_CODE_SECONDS = 300
# Checks of one code, counted in one atomic statement. Twilio's verification service allows as many.
SMS_CODE_CHECKS = 5

# --- Limits per phone number: the caps of Chinese SMS gateways (product.md, "Numbers taken from the field")
SMS_CODE_RESEND_SECONDS = 60  # between two codes for the same purpose
SMS_CODES_PER_HOUR = 5  # rolling, all purposes together
SMS_CODES_PER_DAY = 10  # rolling 24 hours; with SMS_CODE_CHECKS, at most 50 guesses

# --- Limits per browser and address
# The rolling window of these limits and of the conversion alarm.
SMS_WINDOW_SECONDS = 600
# Codes per browser (1.2a, L5): enough to mistype the phone number a few times.
SMS_CODES_PER_BROWSER = 5
# Codes to strangers per address, counted until they are entered: free up to the first limit (1.2a, L6), for proof of
# work up to the second. Many applicants behind one address stay below both, because most enter their codes.
SMS_STRANGERS_PER_ADDRESS = 20
SMS_STRANGERS_WITH_WORK = 100
# Strangers per address or browser whose numbers differ in the last four digits only, a sign of SMS pumping (1.2a, L7).
SMS_STRANGERS_PER_PREFIX = 5

# --- Proof of work
# About 8 * 2 ** 12 SHA-256 hashes, which take a phone one or two seconds. The time varies less for several small parts
# than for one large part.
SMS_WORK_PARTS = 8
SMS_WORK_BITS = 12  # leading zero bits of the hash of each part
# The lifetime of a challenge. A used challenge is stored as long, so that it cannot be used again.
SMS_WORK_SECONDS = 600

# --- Consecutive wrong codes per phone number (1.2a, L10)
# (failures, wait) pairs; the second has Keycloak's figures (6.1).
SMS_FAILURE_WAITS = [(10, timedelta(minutes=15)), (30, timedelta(hours=12))]
# The number gets no more codes until an administrator sends a personal link: NIST 800-63B allows 100 failures.
SMS_FAILURES_UNTIL_OFF = 100

# --- Budgets and alarms: bounds on floods from many addresses
# Codes of all enterprises per clock hour, to bound the cost. Beyond a budget only strangers are refused.
SMS_CODES_OF_ALL_PER_HOUR = 10_000
# Codes of one enterprise per UTC day: a number for each member, more than a member needs on an average day, but at
# least the second figure, because a new enterprise has few members and many applicants.
SMS_CODES_PER_MEMBER = 3
SMS_CODES_OF_ENTERPRISE_LEAST = 200
# The conversion alarm (1.2a, L9) is raised if less than this percentage of the codes of one window was entered, and at
# least this many codes were sent: a smaller sample proves little.
SMS_CONVERSION_PERCENT = 30
SMS_CONVERSION_LEAST = 50

# --- Delivery (5.1 and 5.2)
# A worker's lease on a batch of messages. One request takes at most 13 s (connect 3 s, read 10 s).
SMS_LEASE_SECONDS = 60
# The lifetime of a message that has none of its own, as long as a personal link's: what certainly never left is
# retried until then, with an exponential backoff of up to a minute.
SMS_MESSAGE_DAYS = 7
# The breaker of a gateway (5.2): so many failures in a row within the window stop the hand-over, and one message at
# this interval probes whether the gateway responds again.
SMS_BREAKER_FAILURES = 5
SMS_BREAKER_WINDOW_SECONDS = 30
SMS_BREAKER_PROBE_SECONDS = 15
# The interval at which the provider is asked about a message with an unknown outcome; each lookup costs a request.
SMS_LOOK_SECONDS = 20
# A message that the provider does not list after this time is lost; the list itself can lag (5.1).
SMS_LOST_SECONDS = 120
# If the provider cannot be asked for this long, the outcome stays unknown and an administrator decides.
SMS_LOOK_MOST_SECONDS = 3600

# --- Retention (6.4)
SMS_CODE_ROW_HOURS = 24  # the window of SMS_CODES_PER_DAY
SMS_REPORT_HOURS = 24  # of a delivery report for a message id that is not stored yet
SMS_TEXT_DAYS = 30  # of the text of a message, for complaints
SMS_ROW_DAYS = 180  # of its metadata: article 21 (3) of the Cybersecurity Law requires six months
SMS_ALARM_DAYS = 30  # pages show the last day only; the rest is for enquiries
