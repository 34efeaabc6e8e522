"""The people of the demo: four owners, a buyer, a teammate, staff, with passwords and keys of this installation.

What they sign in with is kept in one file that only this account may read, and is written there before it is of
any use: killed at any line and run again, the file and the database agree. Nothing here runs unless ASSAY_DEMO=1.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts import access, actions
from marketplace.accounts.models import ApiKey, Membership, Organisation, Role, User
from marketplace.accounts.scopes import BUYER, EVERY, Scope
from marketplace.errors import Unauthenticated

KEY_NAME = "demo"


class DemoUser(msgspec.Struct):
    """One person as printed and kept. `organisation` is the slug of the one that the key acts for."""

    role: str  # owner | buyer | teammate | staff
    name: str
    email: str
    password: str
    api_key: str
    organisation: str


CAST = (
    ("owner", "Asha", ""),
    ("owner", "Bruno", ""),
    ("owner", "Chidi", ""),
    ("owner", "Dana", ""),
    ("buyer", "Bela", ""),
    ("teammate", "Tariq", "asha"),  # a buyer in Asha's organisation
    ("staff", "Stella", ""),
)


def create() -> list[DemoUser]:
    """Everybody, made where missing. Raises Refused unless this is a demo."""
    if not settings.ENV.demo:
        raise Refused("this is not a demo", code="not-a-demo", pointer="ASSAY_DEMO", expected="1", got="0")
    path = secrets_file()
    known = {user.email: user for user in _read(path)}
    users = [known.get(_email(name)) or _planned(role, name, team) for role, name, team in CAST]
    _write(path, users)
    for user in users:
        _ensure(user)
        _write(path, users)
    return users


def secrets_file() -> Path:
    folder: Path = settings.ENV.var / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / "demo.json"


def _planned(role: str, name: str, team: str) -> DemoUser:
    return DemoUser(role, name, _email(name), secrets.token_urlsafe(12), "", team)


def _email(name: str) -> str:
    return f"{name.lower()}@demo.assay.test"


@transaction.atomic
def _ensure(wanted: DemoUser) -> None:
    """The person in the database as in `wanted`, whose organisation and key are filled in."""
    user = User.objects.filter(email=wanted.email).first()
    if user is None:
        user = actions.register(wanted.email, wanted.password, wanted.name)
    elif not user.check_password(wanted.password):  # the file was lost
        user.set_password(wanted.password)
    user.is_staff = user.is_superuser = wanted.role == "staff"
    user.save()
    organisation = _organisation(user, wanted)
    wanted.organisation = organisation.slug
    if not _works(wanted, user):
        ApiKey.objects.filter(created_by=user, name=KEY_NAME, revoked__isnull=True).update(revoked=timezone.now())
        scopes = EVERY if wanted.role == "owner" else (*BUYER, Scope.KEYS)
        wanted.api_key = actions.create_key(access.for_user(user, organisation.slug), KEY_NAME, scopes)[1]


def _organisation(user: User, wanted: DemoUser) -> Organisation:
    if wanted.role != "teammate":
        return Organisation.objects.get(personal_of=user)
    team = Organisation.objects.get(slug=wanted.organisation)
    Membership.objects.get_or_create(organisation=team, user=user, defaults={"role": Role.BUYER})
    return team


def _works(wanted: DemoUser, user: User) -> bool:
    try:
        return actions.authenticate_key(wanted.api_key).user == user
    except Unauthenticated:
        return False


def _read(path: Path) -> list[DemoUser]:
    return msgspec.json.decode(path.read_bytes(), type=list[DemoUser]) if path.exists() else []


def _write(path: Path, users: list[DemoUser]) -> None:
    """All of it or nothing, readable by this account alone from the first byte on."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(users)))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
