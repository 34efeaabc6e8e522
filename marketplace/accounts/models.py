"""People, organisations, memberships, API keys, and the traces they leave: sign-in attempts, the audit log."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

SLUG = RegexValidator(r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z", "1 to 40 of a–z, 0–9 and -, not at either end")


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address. A person's personal organisation is made by `accounts.actions`."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        user = self.model(email=email.lower(), **extra)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        if not username or not username.isprintable():  # PostgreSQL would not even look for it
            raise User.DoesNotExist
        return self.get(email=username.lower())

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by an e-mail address."""

    email = models.EmailField(unique=True)  # in lower case
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email


class Organisation(models.Model):
    """Who owns things and pays for things. Every user has a personal one."""

    slug = models.CharField(max_length=40, unique=True, validators=[SLUG])
    name = models.CharField(max_length=120)
    personal_of = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="personal_organisation"
    )
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class Role(models.TextChoices):
    """What a member may do; `admin` may do everything."""

    BUYER = "buyer", "Buyer: makes predictions"
    OWNER = "owner", "Owner: manages models and nodes"
    BILLING = "billing", "Billing: sees and moves money"
    ADMIN = "admin", "Admin: all of it, and members"


class Membership(models.Model):
    """A person's role in an organisation."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="one_role_per_member")]

    def __str__(self) -> str:
        return f"{self.user} in {self.organisation} as {self.role}"


class ApiKey(models.Model):
    """A bearer token `assay_<prefix>_<secret>`; only the prefix and a SHA-256 of the whole are kept."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="api_keys")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    sha256 = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=20), default=list)  # accounts.scopes
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True)  # to the minute

    def __str__(self) -> str:
        return f"{self.name} (assay_{self.prefix}_…)"


class SignInAttempt(models.Model):
    """One try to sign in that has not succeeded; counted per bucket, deleted by success and by age."""

    bucket = models.CharField(max_length=64)  # SHA-256, hex, of who tries: no address is kept
    time = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["bucket", "time"], name="sign_in_bucket")]

    def __str__(self) -> str:
        return f"{self.bucket[:8]} at {self.time}"


class AuditEntry(models.Model):
    """Who did what to a key, a node, a model; written in the same transaction. PostgreSQL lets it only grow."""

    organisation = models.ForeignKey(  # null: the platform's own
        Organisation, null=True, on_delete=models.PROTECT, related_name="audit"
    )
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    time = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["organisation", "-time"], name="audit_by_organisation")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
