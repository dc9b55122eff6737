"""Constants of background jobs and lists; `exmail_admin/settings.py` imports each as a Django setting."""

# --- Background jobs
# A worker's lease on a job, renewed with each chunk. After a crash another worker resumes this much later.
JOB_LEASE_SECONDS = 30
# How long a job is worked on before the job of another enterprise gets its turn.
JOB_TURN_SECONDS = 20
# How long a task gives turns before it ends and wakes the next one, so that a message which shares the worker waits no
# longer. Well below task_soft_time_limit.
JOB_TASK_SECONDS = 60
# Unexpected errors in a row before a job is given up, and the pause after the first, which doubles each time.
JOB_FAILURES = 3
JOB_RETRY_SECONDS = 10

# --- Lists
# How long what failed stands among what waits on the overview: a week covers a holiday, and older failures are known.
WAITING_DAYS = 7
