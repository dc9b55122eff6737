"""Constants of sign-in, sessions and the audit log; `exmail_admin/settings.py` imports each as a Django setting.

Numbers in parentheses are sections of security.md. An address is a client's IPv4 address or IPv6 /64 network.
"""

# --- Passwords (6.1)
# Consecutive failures per login, before it has to wait. Browsers that have signed in before are counted separately.
ACCOUNTS_PASSWORD_FAILURES = 10
# Failures per address in one wait, before an unknown browser gets one attempt per login. 800 people may share it.
ACCOUNTS_PASSWORD_FAILURES_PER_ADDRESS = 100
# The wait after too many failures, and the window in which the failures of an address are counted.
ACCOUNTS_PASSWORD_WAIT_SECONDS = 15 * 60
# Concurrent Argon2 hashes per process: each takes 19 MiB and about 140 ms of one of two cores.
ACCOUNTS_PASSWORDS_AT_ONCE = 2

# --- Second factors
# Failures per user and ACCOUNTS_PASSWORD_WAIT_SECONDS: enough for typing errors.
ACCOUNTS_FACTOR_FAILURES = 5
# At any moment three of a million codes are valid (MFA_TOTP_TOLERANCE): 20 guesses succeed 6 times in 100,000.
ACCOUNTS_FACTOR_FAILURES_PER_DAY = 20
# The lifetime of an unconfirmed TOTP secret: enough to install an authenticator app first.
ACCOUNTS_FACTOR_SETUP_SECONDS = 1800
# How long new recovery codes can be displayed: enough to print or store them.
ACCOUNTS_RECOVERY_SHOWN_SECONDS = 600
# The maximum age of a reauthentication for a sensitive action (6.1).
ACCOUNTS_REAUTH_SECONDS = 600

# --- Sessions
# The console, at AAL2 (6.1): NIST 800-63B-4 allows 1 hour of inactivity and 24 hours in total; 12 are recommended.
ACCOUNTS_CONSOLE_IDLE_SECONDS = 3600
ACCOUNTS_CONSOLE_SECONDS = 12 * 3600
# The member portal, at AAL1 (1.2): NIST 800-63B-4 allows 30 days in total.
ACCOUNTS_SESSION_SECONDS = 14 * 86400
ACCOUNTS_SESSION_IDLE_SECONDS = 7 * 86400
# How long a visitor's session keeps a verified phone number or WeChat account: the time to request and enter a code.
ACCOUNTS_PROOF_SECONDS = 600
# How long a browser is known after its user last entered an enterprise (product.md, step 4). Its cookie lives as long.
ACCOUNTS_KNOWN_BROWSER_DAYS = 180

# --- Sign-in by QR code (2.2)
# How long a code can be scanned, then approved, then claimed. WeChat's codes last two to three minutes (2.1).
ACCOUNTS_QR_SCAN_SECONDS = 120
ACCOUNTS_QR_CONFIRM_SECONDS = 60
ACCOUNTS_QR_CLAIM_SECONDS = 30
# Automatic renewals of an expired code, so that an abandoned page stops after 12 minutes.
ACCOUNTS_QR_RENEWALS = 5
# The polling interval of the page, and the interval below which a request is refused.
ACCOUNTS_QR_POLL_SECONDS = 2
ACCOUNTS_QR_POLL_LEAST_SECONDS = 1
ACCOUNTS_QR_PER_ADDRESS = 10  # new codes per minute; bounds the table
ACCOUNTS_QR_PER_BROWSER = 3  # open codes; the oldest expires first
# Requests per address for unknown codes. Ids have 128 random bits, so this limit only saves database queries.
ACCOUNTS_QR_MISSES_PER_MINUTE = 60
ACCOUNTS_QR_NUMBER_TRIES = 3  # of the two-digit number: a guess succeeds in 3 % of cases
ACCOUNTS_QR_APPROVALS_PER_HOUR = 10  # per user
# The maximum age of the approving session's sign-in: the limit of NIST 800-63B-4 for AAL1.
ACCOUNTS_QR_APPROVER_SECONDS = 30 * 86400
# Retention of an expired code. With one clean-up per minute no row is older than ten minutes (6.4).
ACCOUNTS_QR_KEPT_SECONDS = 300

# --- Sign-in with WeChat
# Redirects to WeChat per address and minute. Each stores a state until it ends.
ACCOUNTS_WECHAT_PER_ADDRESS = 60

# --- Audit log
# Events that a request verifies itself: one chunk. A worker verifies longer chains.
AUDIT_CHECKED_AT_ONCE = 2000
# The interval of full checks; hourly checks read new events only and do not detect later changes to old ones.
AUDIT_WHOLE_CHECK_DAYS = 7
# Rows of one workbook, which take up to a minute to write. Excel's limit is 1,048,576.
AUDIT_EXPORT_ROWS = 50_000
