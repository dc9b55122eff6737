"""Argon2id within a small machine's means."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """OWASP's floor of memory (19 MiB, two passes): a flood of sign-ins must not fill the machine."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
