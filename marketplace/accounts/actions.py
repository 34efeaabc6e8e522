"""Registering people; making, revoking and recognising API keys.

A key is `assay_<prefix>_<secret>`. Only the prefix and the SHA-256 of the whole are kept: the secret has 238 bits
of entropy, so nothing slower than SHA-256 is needed. It is shown once. A key has its maker's role, as it stands
at the time of use: it dies with the membership.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Sequence
from datetime import UTC, datetime
from hmac import compare_digest

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from assay.errors import Refused
from marketplace import text
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import ApiKey, Membership, Organisation, Role, User
from marketplace.accounts.scopes import BUYER, Scope
from marketplace.accounts.signals import organisation_made
from marketplace.db.statements import Statement, loaded
from marketplace.errors import Conflict, Forbidden, NotFound, Unauthenticated

MAX_KEYS = 100  # of one organisation, neither revoked nor expired
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)  # later ones lie outside the calendar in some time zones
RESERVED_SLUGS = frozenset({"admin", "api", "assay", "demo", "me", "staff", "support", "www"})
_LETTERS = string.ascii_letters + string.digits
_TOKEN = re.compile(r"assay_([a-z0-9]{10})_[A-Za-z0-9]{40}")

# --- people -----------------------------------------------------------------------------------------------


def register(email: str, password: str, name: str) -> User:
    """A new user with a personal organisation, all or nothing.

    Raises Refused naming the field. That an address is taken has to be said as long as addresses are not
    confirmed by e-mail; `signing_in.sign_up` bounds how often one may ask.
    """
    address, called = email.strip().lower(), text.line(name, "/name", most=120, least=1)
    _require_person(address, password, called)
    try:
        with transaction.atomic():
            user = User.objects.create_user(address, password, name=called)
            organisation = _personal_organisation(user)
            Membership.objects.create(organisation=organisation, user=user, role=Role.ADMIN)
            audit.record(organisation, user, Action.REGISTERED, organisation)
            organisation_made.send(Organisation, organisation=organisation)
    except IntegrityError as error:
        if not User.objects.filter(email=address).exists():
            raise
        raise Refused(
            "this address cannot be registered", code="email-taken", pointer="/email", hint="Log in instead."
        ) from error
    return user


def _require_person(email: str, password: str, name: str) -> None:
    try:
        validate_email(email)
    except ValidationError as error:
        raise Refused("not an e-mail address", pointer="/email", expected="name@example.org") from error
    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as error:
        said = " ".join(error.messages).rstrip(".")
        raise Refused(said, code="weak-password", pointer="/password") from error


def _personal_organisation(user: User) -> Organisation:
    """Its slug comes from the name, never from the e-mail address: it is public."""
    base = slugify(user.name)[:32].strip("-") or "user"
    plain = base not in RESERVED_SLUGS and not Organisation.objects.filter(slug=base).exists()
    slug = base if plain else f"{base}-{secrets.token_hex(3)}"
    return Organisation.objects.create(slug=slug, name=user.name, personal_of=user)


# --- API keys ---------------------------------------------------------------------------------------------


@transaction.atomic
def create_key(
    actor: Actor, name: str, scopes: Sequence[str] = BUYER, expires: datetime | None = None
) -> tuple[ApiKey, str]:
    """A key of the actor's organisation and its token, which is not kept. Raises Refused, Forbidden, Conflict."""
    actor.require_scope(Scope.KEYS)
    called = text.line(name, "/name", most=80, least=1)
    for wanted in _scopes(scopes):
        actor.require_scope(wanted)  # a key cannot make a mightier one
    if actor.key is not None and actor.key.caps.exists():
        raise Forbidden(
            "a key with a cap makes no others: they would have none", code="capped-key", pointer="Authorization"
        )
    if expires is not None and not timezone.now() < expires < END_OF_TIME:
        raise Refused(
            "not a time to come", pointer="/expires", expected="after now, before 9999", got=expires.isoformat()
        )
    organisation = Organisation.objects.select_for_update().get(pk=actor.organisation.pk)
    if ApiKey.objects.filter(in_use(), organisation=organisation).count() >= MAX_KEYS:
        raise Conflict(
            "too many API keys", code="too-many-keys", expected=f"at most {MAX_KEYS}", hint="Revoke one."
        )
    prefix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(10))
    token = f"assay_{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(40))
    key = ApiKey.objects.create(
        organisation=organisation,
        created_by=actor.user,
        name=called,
        prefix=prefix,
        sha256=_hash(token),
        scopes=[scope.value for scope in _scopes(scopes)],
        expires=expires,
    )
    audit.record(organisation, actor.user, Action.KEY_CREATED, key)
    return key, token


@transaction.atomic
def revoke_key(actor: Actor, key_id: int) -> ApiKey:
    """Revokes at once and for good; doing it again changes nothing. Raises NotFound, Forbidden."""
    actor.require_scope(Scope.KEYS)
    key = keys_of(actor).select_for_update(of=("self",)).filter(pk=key_id).first()
    if key is None:
        raise NotFound("no such API key")
    if key.revoked is None:
        key.revoked = timezone.now()
        key.save(update_fields=["revoked"])
        audit.record(key.organisation, actor.user, Action.KEY_REVOKED, key)
    return key


def keys_of(actor: Actor) -> QuerySet[ApiKey]:
    """The keys of the actor's organisation that the actor may see: its own, or all of them for an admin."""
    keys = ApiKey.objects.filter(organisation=actor.organisation).select_related("organisation", "created_by")
    return keys if actor.roles.get(actor.organisation.pk) == Role.ADMIN else keys.filter(created_by=actor.user)


def authenticate_key(token: str) -> Actor:
    """Whom this bearer token acts for. Raises Unauthenticated.

    An unknown prefix and a wrong secret are told apart by nobody; that a key is expired or revoked is told only
    to who holds the whole of it.
    """
    match = _TOKEN.fullmatch(token)
    key, role = _key(match[1] if match else "")
    known = bytes(key.sha256) if key else b"\0" * 32
    if not compare_digest(known, _hash(token)) or key is None:
        raise Unauthenticated("not a valid API key", code="invalid-key", pointer="Authorization")
    now = timezone.now()
    if key.revoked is not None:
        raise Unauthenticated("this API key has been revoked", code="revoked-key", pointer="Authorization")
    if key.expires is not None and key.expires <= now:
        raise Unauthenticated(
            "this API key has expired", code="expired-key", pointer="Authorization", got=key.expires.isoformat()
        )
    if role is None or not key.created_by.is_active:
        raise Unauthenticated("this API key's maker is gone", code="orphaned-key", pointer="Authorization")
    _touch(key, now)
    return Actor(key.created_by, key.organisation, {key.organisation_id: Role(role)}, key)


_KEY_FIELDS = (
    *("id", "organisation_id", "created_by_id", "name", "prefix", "sha256", "scopes"),
    *("expires", "revoked", "last_used"),
)
_KEY = Statement(
    """
    SELECT k.id, k.organisation_id, k.created_by_id, k.name, k.prefix, k.sha256, k.scopes, k.expires, k.revoked,
           k.last_used, o.slug, o.name, o.personal_of_id, u.email, u.name, u.is_active, u.is_staff, m.role
    FROM accounts_apikey k
    JOIN accounts_organisation o ON o.id = k.organisation_id
    JOIN accounts_user u ON u.id = k.created_by_id
    LEFT JOIN accounts_membership m ON m.organisation_id = o.id AND m.user_id = u.id
    WHERE k.prefix = $1
    """,
    "text",
)  # every request with a key comes through here


def _key(prefix: str) -> tuple[ApiKey | None, str | None]:
    """The key with this prefix, its organisation and maker, and the maker's role there."""
    for row in _KEY.rows(prefix):
        key = loaded(ApiKey, _KEY_FIELDS, row[:10])
        key.organisation = loaded(
            Organisation, ("id", "slug", "name", "personal_of_id"), (key.organisation_id, *row[10:13])
        )
        key.created_by = loaded(
            User, ("id", "email", "name", "is_active", "is_staff"), (key.created_by_id, *row[13:17])
        )
        return key, row[17]
    return None, None


def _touch(key: ApiKey, now: datetime) -> None:
    """Notes the use, to the minute: at most one write per key and minute, however many requests."""
    minute = now.replace(second=0, microsecond=0)
    if key.last_used is None or key.last_used < minute:
        stale = Q(last_used__isnull=True) | Q(last_used__lt=minute)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used=minute)


def in_use() -> Q:
    """Of API keys: those that are neither revoked nor expired."""
    return Q(revoked__isnull=True) & (Q(expires__isnull=True) | Q(expires__gt=timezone.now()))


def _scopes(given: Sequence[str]) -> list[Scope]:
    try:
        scopes = [Scope(scope) for scope in dict.fromkeys(given)]
    except ValueError as error:
        raise Refused("unknown scope", pointer="/scopes", expected=" | ".join(Scope.values)) from error
    if not scopes:
        raise Refused("a key without a scope is of no use", pointer="/scopes", expected=" | ".join(Scope.values))
    return scopes


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
