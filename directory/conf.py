"""Constants of members, invitations and imports; `exmail_admin/settings.py` imports each as a Django setting.

Numbers in parentheses are sections of security.md. An address is a client's IPv4 address or IPv6 /64 network.
"""

# --- Personal invitations (3.1)
# The lifetime of a link. GitHub and WeCom use seven days too; the SMS names the number of days.
INVITATION_DAYS = 7
# An unanswered invitation is on the overview from this many days before it expires: time to send another one.
INVITATION_ENDING_DAYS = 2
# Links per member: the interval between two, and the numbers per rolling 24 hours. Renewals by the holder of an old
# link have a share of their own (docs/limits.md, L11), so that an old link in a stranger's hands uses up no other.
INVITATION_PAUSE_SECONDS = 60
INVITATIONS_PER_DAY = 5
INVITATION_RENEWALS_PER_DAY = 2
# Members who have not entered for this long need a new link, because carriers reassign numbers (product.md).
ENTRY_DAYS = 180

# --- Activation codes, for members without a phone
# The lifetime of a code: printed codes take longer to hand out than an SMS.
ACTIVATION_DAYS = 30
# How long a verified code can be exchanged: enough to choose a password or to create a passkey.
ACTIVATION_PROOF_SECONDS = 900
# Failures per ACCOUNTS_PASSWORD_WAIT_SECONDS. A code of 12 characters from 31 has 59 bits and cannot be guessed: the
# limits only save the server work, and allow for a whole factory behind one address.
ACTIVATION_FAILURES_PER_BROWSER = 10
ACTIVATION_FAILURES_PER_ADDRESS = 100

# --- Invitations sent to many at once (3.1)
# Such invitations per member, in rolling 24 hours and seven days.
BATCHES_PER_MEMBER_PER_DAY = 1
BATCHES_PER_MEMBER_PER_WEEK = 3
# Messages above which the administrator types their number (3.1 and rule 12 of product.md): a slip of the hand costs
# about ten euros, and the answers keep a help desk busy for a day.
BATCH_CONFIRM_ABOVE = 200

# --- Members
# How long a deleted member can be restored (6.4); then the personal data is erased.
MEMBER_BIN_DAYS = 30
# Members that a request changes, or exports, itself; a worker handles larger numbers. A change writes several rows of
# each member under the enterprise's lock, an export only reads.
MEMBERS_AT_ONCE = 200
MEMBERS_EXPORTED_AT_ONCE = 5000
# How long the author of an export can download its workbook, which holds personal data.
EXPORT_KEPT_HOURS = 24

# --- Import: the workbook (4.2, with measurements in 4.1)
# Room for IMPORT_ROWS rows: a workbook of 100,000 rows has 5.7 MB, and 66 MB unpacked.
IMPORT_FILE_BYTES = 40 * 1024 * 1024
IMPORT_UNPACKED_BYTES = 300 * 1024 * 1024  # counted while unpacking, because headers can lie
# Unpacked to packed size of an entry above 1 MiB, against zip bombs: real workbooks stay below 12.
IMPORT_RATIO = 50
# Entries of the archive, against archives of tens of thousands.
IMPORT_ENTRIES = 200
# The size of the sheet. The parser's memory grows with the last column: 0.5 GB at column 1,000.
IMPORT_ROWS = 200_000
IMPORT_COLUMNS = 64
IMPORT_CELLS = 4_000_000  # IMPORT_ROWS of 20 columns

# --- Import: the process that parses the workbook (4.2)
# Its address space: some files of 5 KB would take 5 GB.
IMPORT_READ_MEMORY_BYTES = 512 * 1024 * 1024
# CPU time for the largest workbook, and twice as much wall-clock time for a busy machine.
IMPORT_READ_CPU_SECONDS = 60
IMPORT_READ_SECONDS = 120
# How long a request reads a file itself, so that most are refused beside the field; a worker reads the others. With the
# time to store 40 MB an upload is answered within two seconds.
IMPORT_ANSWER_SECONDS = 0.8

# --- Import: the work on its rows
# Uploads per enterprise and window (4.2): each starts a process and stores a file.
IMPORT_UPLOADS = 100
IMPORT_UPLOAD_WINDOW_SECONDS = 600
# Rows that a request checks itself after a repair: one chunk. A worker checks larger imports.
IMPORT_ROWS_AT_ONCE = 2000
# Retention of file, cells and previous values (6.4). The import can be undone until then.
IMPORT_KEPT_DAYS = 30
