"""What the role as which the marketplace runs may do: read and write, but neither rewrite what stands nor change
any table. Whoever owns the tables migrates them, and grants this afterwards (`manage.py grant ROLE`).

Triggers refuse the same to everybody, the owner included; but an owner can drop a trigger, and this role cannot.
"""

from __future__ import annotations

from django.db import connection, transaction
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from assay.errors import Refused

# rows come and stay as they are
APPEND_ONLY = frozenset(
    {
        *("billing_account", "billing_transaction", "billing_entry"),
        *("billing_hold", "billing_holdend", "billing_period"),
        *("accounts_auditentry", "predictions_predictionevent", "certificates_certificate"),
        *("groups_evidence", "groups_strike"),
    }
)
# written by a trigger, or by migrations, with the owner's rights
READ_ONLY = frozenset({"billing_balance", "django_migrations"})

_LOCK = 0x61737361  # one grant at a time: PostgreSQL has them collide
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
)
_ROLE = "SELECT rolsuper OR pg_has_role(oid, current_user, 'MEMBER') FROM pg_roles WHERE rolname = %s"

_TOO_MUCH = """
SELECT 'TEMPORARY on the database' WHERE has_database_privilege(%(role)s, current_database(), 'TEMPORARY')
UNION ALL
SELECT 'CREATE on the schema' WHERE has_schema_privilege(%(role)s, current_schema(), 'CREATE')
UNION ALL
SELECT 'more than it may on ' || name FROM unnest(%(tables)s::text[]) AS name
WHERE has_table_privilege(%(role)s, name, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
UNION ALL
SELECT 'more than it may on ' || name FROM unnest(%(balances)s::text[]) AS name
WHERE has_table_privilege(%(role)s, name, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
"""


def grant(role: str, password: str | None = None) -> dict[str, str]:
    """Gives `role` what it needs and takes the rest from it, in one transaction; what that is, by table.

    Where there is no such role it is made, to log in with `password`. Raises Refused where it would own the
    tables, may do whatever it likes anyway, or is left with more than it needs.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        _ensure(role, password)
        cursor.execute(_TABLES)
        tables = {name: allowed(name) for (name,) in sorted(cursor.fetchall())}
        named, schema = sql.Identifier(role), sql.Identifier(_one("SELECT current_schema()"))
        database = sql.Identifier(_one("SELECT current_database()"))
        for statement in (
            # whoever can make a table, even a temporary one, can have triggers read it instead of ours
            "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, {role}",
            "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}",
            "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
            "REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {role}",
            "GRANT CONNECT ON DATABASE {database} TO {role}",
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        ):
            cursor.execute(sql.SQL(statement).format(role=named, schema=schema, database=database))
        for name, privileges in tables.items():
            table = sql.Identifier(name)
            cursor.execute(sql.SQL(f"GRANT {privileges} ON {{}} TO {{}}").format(table, named))
        _require_no_more(role)
    return tables


def allowed(table: str) -> str:
    """What the marketplace's role may do to a table; TRUNCATE never."""
    if table in READ_ONLY:
        return "SELECT"
    return "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"


def _ensure(role: str, password: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ROLE, [role])
        known = cursor.fetchone()
        if known is None:
            if password is None:
                hint = "Name a file with a password for it."
                raise Refused("no such role in PostgreSQL", pointer="ROLE", got=role[:63], hint=hint)
            hashed = encrypt_password(password, role, scope=cursor.connection, algorithm="scram-sha-256")
            made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(hashed))
            cursor.execute(made)
        elif known[0]:
            raise Refused(
                "this role may do everything anyway",
                pointer="ROLE",
                expected="one that is no superuser, and not the tables' owner",
                got=role[:63],
            )


def _require_no_more(role: str) -> None:
    """Raises Refused where the role has more by way of another that it is a member of, or of a database that is
    not the tables' owner's.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TOO_MUCH, {"role": role, "tables": sorted(APPEND_ONLY), "balances": sorted(READ_ONLY)})
        found = [what for (what,) in cursor.fetchall()]
    if found:
        raise Refused(
            "this role has privileges that are not the tables' owner's to take away",
            pointer="ROLE",
            expected="a role that is a member of no other, in a database that the tables' owner owns",
            got=", ".join(found[:5]),
        )


def _one(question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return str(cursor.fetchone()[0])
