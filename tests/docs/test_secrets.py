"""No tracked file holds a key, a password or a token of anybody's."""

from __future__ import annotations

import re

from tests.docs.repository import texts

# an address with a password in it, other than one that says `password`
ADDRESS = r"\b(?:postgres(?:ql)?|rediss?|https?)://[^\s:/@\"'`$<{]+:(?!password@|PASSWORD@)[^\s@/\"'`$<{]{8,}@"
# put together from parts, or this file would be the first to hold them
SECRETS = re.compile(
    "|".join(
        (
            "-----BEGIN " + r"(?:[A-Z]+ )*PRIVATE KEY-----",
            r"\bassay_" + r"[A-Za-z0-9]{10}_[A-Za-z0-9_-]{40}",  # our own API keys
            r"\b[rs]k_live_" + r"[0-9A-Za-z]{16}",  # Stripe
            r"\bAKIA" + r"[0-9A-Z]{16}\b",  # AWS
            r"\bgh[pousr]_" + r"[0-9A-Za-z]{36}",  # GitHub
            r"\bxox[abprs]-" + r"[0-9A-Za-z-]{10}",  # Slack
            ADDRESS,
        )
    )
)


def test_the_patterns_know_what_they_look_for():
    token = "assay_" + "a" * 10 + "_" + "b" * 43
    assert SECRETS.search(f"Bearer {token}")
    assert (
        SECRETS.search("redis://:" + "s3cr3t" * 3 + "@127.0.0.1/0") is None
    )  # no user: a form, filled in at run time
    assert SECRETS.search("postgresql://assay:" + "s3cr3t" * 3 + "@db/assay")
    assert SECRETS.search("-----BEGIN " + "OPENSSH PRIVATE KEY-----")


def test_no_file_holds_a_secret():
    found = [
        f"{path}:{number}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if SECRETS.search(line)
    ]
    assert found == []
