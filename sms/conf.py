"""Constants of one-time codes and of the SMS outbox; `exmail_admin/settings.py` imports each as a Django setting.

Numbers in parentheses are sections of security.md, L1 to L10 rows of docs/limits.md, which explains how the limits act
together. A block is a client's IPv4 address or IPv6 /64 network. Pairs are (codes, seconds) in rolling windows.
"""

from datetime import timedelta

# --- One-time codes (1.2)
# NIST 800-63B and OWASP ASVS require at least six digits.
SMS_CODE_DIGITS = 6
# The lifetime of a code: five minutes, as usual in China. NIST 800-63B allows ten.
SMS_CODE_SECONDS = 300
# Checks of one code, counted in one atomic statement. Twilio's verification service allows as many.
SMS_CODE_CHECKS = 5
# The interval between two codes to one number: Chinese gateways deliver one a minute.
SMS_CODE_RESEND_SECONDS = 60

# --- Codes per phone number
# Of both doors, when they are handed to the gateway (L4): the caps of Chinese carriers.
SMS_CODES_OF_NUMBER = [(1, SMS_CODE_RESEND_SECONDS), (5, 3600), (10, 86_400)]
# At the anonymous door (L1). With SMS_CODE_CHECKS, 30 guesses a day: a chance of 3 in 100,000.
SMS_CODES_ANONYMOUS = [(1, SMS_CODE_RESEND_SECONDS), (3, 3600), (6, 86_400)]
# At the anonymous door, from one block and not entered (L2), so that one block can't use up a number's share.
SMS_CODES_FROM_BLOCK = [(2, 3600), (3, 86_400)]
# At the proven door (L3), whatever strangers do: what L1 leaves of the carriers' caps. More, as far as L1 is unused.
SMS_CODES_PROVEN = [(1, SMS_CODE_RESEND_SECONDS), (2, 3600), (4, 86_400)]

# --- Codes per browser and block, at the anonymous door
# Codes per browser (L5): enough to mistype the phone number a few times.
SMS_CODES_OF_BROWSER = [(5, 600)]
# How long a code that was not entered is open, and the window of the conversion alarm.
SMS_WINDOW_SECONDS = 600
# Open codes per block (L6): free up to the first number, and two more for each phone number that entered a code from
# there within a day; for proof of work up to the last. 800 people who join at 160 a minute have about 110 open at once.
SMS_OPEN_CODES_FREE = 20
SMS_OPEN_CODES_EARNED = 2
SMS_OPEN_CODES_FREE_MOST = 200
SMS_OPEN_CODES_WITH_WORK = 300
# Open codes per block or browser to numbers that differ in the last four digits only, a sign of SMS pumping (L7). An
# enterprise with consecutive numbers earns more, as above.
SMS_ROW_CODES_FREE = 5
SMS_ROW_CODES_WITH_WORK = 20

# --- Proof of work
# About 8 * 2 ** 12 SHA-256 hashes, which take a phone one or two seconds. The time varies less for several small parts
# than for one large part.
SMS_WORK_PARTS = 8
SMS_WORK_BITS = 12  # leading zero bits of the hash of each part
# Each doubling is one bit more. Sixteen times the work takes a phone about 16 seconds; people don't wait longer.
SMS_WORK_DOUBLINGS = 4
# The lifetime of a challenge. A used challenge is stored as long, so that it cannot be used again.
SMS_WORK_SECONDS = 600

# --- Budgets and alarms: bounds on floods from many blocks
# Anonymous codes that died unentered in a rolling hour (L8), of the sign-in pages together and of each enterprise's
# join links: a hundredth of the members, but at least the first number. Beyond it, codes are rare and take the most
# work; beyond three times as many, none is sent.
SMS_DEAD_CODES_LEAST = 100
SMS_MEMBERS_PER_DEAD_CODE = 100
SMS_DEAD_CODES_STOP = 3
# The administrators are warned at this part of the budget.
SMS_DEAD_CODES_NEAR = 0.8
# Beyond the budget: open codes of a block that has earned none.
SMS_OPEN_CODES_RARE = 1
# Low conversion (L9): so many anonymous codes within SMS_WINDOW_SECONDS, and less than this percentage entered of those
# that are old enough to have been entered. Less than the last number of these proves nothing.
SMS_CONVERSION_LEAST = 50
SMS_CONVERSION_PERCENT = 30
SMS_CONVERSION_AGE_SECONDS = 180
SMS_CONVERSION_SAMPLE = 10

# --- Consecutive wrong codes per phone number and door (L10)
# At the proven door, (failures, wait) pairs; the second has Keycloak's figures (6.1). L1 bounds the anonymous door,
# where waits would serve the attacker only.
SMS_FAILURE_WAITS = [(10, timedelta(minutes=15)), (30, timedelta(hours=12))]
# The door closes until an administrator sends a personal link, or a right code proves the owner: NIST 800-63B allows
# 100.
SMS_FAILURES_UNTIL_OFF = 100

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
SMS_CODE_ROW_HOURS = 24  # the longest window of the limits per number
SMS_REPORT_HOURS = 24  # of a delivery report for a message id that is not stored yet
SMS_TEXT_DAYS = 30  # of the text of a message, for complaints
SMS_ROW_DAYS = 180  # of its metadata: article 21 (3) of the Cybersecurity Law requires six months
SMS_ALARM_DAYS = 30  # pages show the last day only; the rest is for enquiries
