"""The role as which the marketplace runs: it does with it, and is refused whatever would rewrite what stands."""

from __future__ import annotations

import contextlib
import re

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from psycopg2.errors import InsufficientPrivilege

from assay.errors import Refused
from marketplace.accounts import actions as accounts
from marketplace.accounts.models import AuditEntry
from marketplace.billing.models import Entry, HoldEnd
from marketplace.db import privileges
from marketplace.db.privileges import APPEND_ONLY, READ_ONLY
from stack.postgres import SITE_ROLE, for_site
from tests.marketplace import answering

pytestmark = pytest.mark.django_db
LEDGER = sorted(table for table in APPEND_ONLY if table.startswith("billing_"))


def execute(statement: str, *parameters: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def first_column(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
            [table],
        )
        return str(cursor.fetchone()[0])


@pytest.fixture
def granted(db):
    return privileges.grant(SITE_ROLE)


@pytest.fixture
def as_site(granted):
    """From here on the test's own connection has the marketplace's role."""
    execute(f"SET ROLE {SITE_ROLE}")
    yield
    with contextlib.suppress(Exception):  # a transaction that has failed is rolled back, and the role with it
        execute("RESET ROLE")


@pytest.fixture
def spent(cast, books, priced, ask):
    """One prediction that was charged for."""
    return answering.end(cast.node_key, ask())


# --- what it may not do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
@pytest.mark.parametrize("what", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"])
def test_what_stands_is_not_rewritten_by_the_marketplaces_role(as_site, table, what):
    with pytest.raises(ProgrammingError, match=f"permission denied for table {table}"):
        execute(what.format(table, first_column(table)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_balance SET amount = amount + 1000000",
        "INSERT INTO billing_balance (account_id, amount, overdraws) VALUES (1, 1, true)",
        "DELETE FROM billing_balance",
        "TRUNCATE billing_balance",
    ],
)
def test_a_balance_is_not_written_by_the_marketplaces_role(as_site, statement):
    with pytest.raises(ProgrammingError, match="permission denied for table billing_balance"):
        execute(statement)


# said to somebody who has logged in as the role; a function by another name than ours stands for any
BEYOND = {
    "UPDATE billing_entry SET amount = 1": "permission denied for table billing_entry",
    "ALTER TABLE billing_entry DISABLE TRIGGER ALL": "must be owner of table billing_entry",
    "DROP TRIGGER entry_stands ON billing_entry": "must be owner of relation billing_entry",
    "DROP TABLE billing_entry CASCADE": "must be owner of table billing_entry",
    "SET session_replication_role = replica": "permission denied to set parameter",
    "CREATE TABLE billing_more (id int)": "permission denied for schema public",
    # triggers look a table up by its name, and a temporary one would be found first
    "CREATE TEMPORARY TABLE billing_entry (id int)": "permission denied to create temporary tables",
    "CREATE FUNCTION ledger_x(which uuid) RETURNS void LANGUAGE sql AS ''": "permission denied for schema public",
    "CREATE SCHEMA mine": "permission denied for database",
    "SET ROLE assay": "permission denied to set role",
}


@pytest.mark.django_db(transaction=True)
def test_no_table_trigger_or_function_is_changed_by_who_logs_in_as_the_marketplaces_role(postgres):
    privileges.grant(SITE_ROLE)
    url = for_site(postgres.replace("/assay?", f"/{connection.settings_dict['NAME']}?"))
    with contextlib.closing(psycopg2.connect(url)) as site:
        site.autocommit = True
        for statement, says in BEYOND.items():
            with pytest.raises(InsufficientPrivilege, match=says):
                site.cursor().execute(statement)


@pytest.mark.parametrize("table", LEDGER)
def test_to_the_owner_a_trigger_says_no(spent, table):
    if table == "billing_period":
        return  # closed in test_books.py, which asks the same
    for what in (f"UPDATE {table} SET {first_column(table)} = {first_column(table)}", f"DELETE FROM {table}"):
        refused = f"the ledger only grows: {what.split(maxsplit=1)[0]} of {table} refused"
        with pytest.raises(IntegrityError, match=re.escape(refused)):
            execute(what)
    with pytest.raises(IntegrityError, match="the ledger only grows: UPDATE of billing_balance refused"):
        execute("UPDATE billing_balance SET amount = amount + 1")


def test_all_that_a_trigger_keeps_from_change_is_in_the_list(granted):
    """A table that refuses UPDATE and DELETE, whatever the row, is one that only grows."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger
            WHERE NOT tgisinternal AND tgqual IS NULL AND tgtype = 27  -- BEFORE UPDATE OR DELETE, FOR EACH ROW
                AND pg_get_functiondef(tgfoid) !~ '\\yRETURN\\y '
            """
        )
        standing = {name for (name,) in cursor.fetchall()}
    assert standing == APPEND_ONLY


# --- what it may do ---------------------------------------------------------------------------------------------


def test_a_prediction_is_asked_held_charged_and_paid_for_by_the_marketplaces_role(
    cast, books, priced, ask, as_site
):
    prediction = answering.end(cast.node_key, ask())
    assert prediction.status == "certified"
    assert HoldEnd.objects.get().posted == 500
    assert books.of(cast.bela)["free"] == 1_000_000 - 500
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_somebody_signs_up_under_the_marketplaces_role(as_site, books):
    user = accounts.register("new@example.org", "correct horse battery", "New")
    assert AuditEntry.objects.filter(user=user).exists()
    assert Entry.objects.filter(account__organisation__personal_of=user).get().amount == 1_000_000


def test_every_table_may_be_read_and_none_emptied(granted):
    assert set(granted) >= APPEND_ONLY | READ_ONLY
    with connection.cursor() as cursor:
        for table in granted:
            cursor.execute(
                "SELECT has_table_privilege(%s, %s, 'SELECT'), has_table_privilege(%s, %s, 'TRUNCATE')",
                [SITE_ROLE, table] * 2,
            )
            assert (table, cursor.fetchone()) == (table, (True, False))


# --- granting ---------------------------------------------------------------------------------------------------


def test_granting_again_changes_nothing_and_takes_what_was_too_much(granted):
    execute(f"GRANT UPDATE, TRUNCATE ON billing_entry TO {SITE_ROLE}")
    assert privileges.grant(SITE_ROLE) == granted
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, 'billing_entry', 'UPDATE, TRUNCATE')", [SITE_ROLE])
        assert cursor.fetchone() == (False,)


@pytest.mark.parametrize("role", ["assay", "postgres"])
def test_whoever_may_do_everything_is_granted_nothing(db, role):
    with pytest.raises(Refused, match="may do everything"):
        privileges.grant(role)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("GRANT UPDATE ON billing_balance TO assay_wide", "more than it may on billing_balance"),
        ("GRANT DELETE ON billing_entry TO assay_wide", "more than it may on billing_entry"),
        ("GRANT CREATE ON SCHEMA public TO assay_wide", "CREATE on the schema"),
    ],
)
def test_a_role_that_has_more_by_way_of_another_is_refused(postgres, more, says):
    name = connection.settings_dict["NAME"]
    url = postgres.replace("//assay@", "//postgres@").replace("/assay?", f"/{name}?")
    with contextlib.closing(psycopg2.connect(url)) as superuser:
        superuser.autocommit = True
        for statement in ("CREATE ROLE assay_wide", f"GRANT assay_wide TO {SITE_ROLE}", more):
            superuser.cursor().execute(statement)
        try:
            with pytest.raises(Refused, match="not the tables' owner's to take away") as refused:
                privileges.grant(SITE_ROLE)
            assert refused.value.got == says
        finally:
            for statement in ("DROP OWNED BY assay_wide", "DROP ROLE assay_wide"):
                superuser.cursor().execute(statement)


def test_a_role_that_is_missing_is_said_so(db):
    with pytest.raises(CommandError, match="no such role in PostgreSQL"):
        call_command("grant", "nobody-at-all")


def test_an_empty_password_makes_no_role(db, tmp_path):
    (tmp_path / "password").write_text("\n")
    with pytest.raises(CommandError, match="the file is empty"):
        call_command("grant", "somebody", password_file=tmp_path / "password")


def test_a_role_is_made_with_a_password_that_nobody_logs(db, tmp_path, postgres, django_db_blocker):
    """As whoever may make roles: the tests' own owner may not, a superuser may."""
    (tmp_path / "password").write_text("a long and secret one\n")
    name = connection.settings_dict["NAME"]
    with contextlib.closing(
        psycopg2.connect(postgres.replace("//assay@", "//postgres@").replace("/assay?", f"/{name}?"))
    ) as superuser:
        superuser.autocommit = True
        superuser.cursor().execute("ALTER ROLE assay CREATEROLE")
        try:
            call_command("grant", "assay_other", password_file=tmp_path / "password")
            with connection.cursor() as cursor:
                cursor.execute("SELECT has_table_privilege('assay_other', 'billing_entry', 'INSERT')")
                assert cursor.fetchone() == (True,)
        finally:
            superuser.cursor().execute("ALTER ROLE assay NOCREATEROLE")


def test_only_the_owner_grants(as_site):
    with pytest.raises(CommandError, match="may do everything anyway"):
        call_command("grant", SITE_ROLE)


def test_the_command_says_what_is_narrow(db, capsys):
    call_command("grant", SITE_ROLE)
    said = capsys.readouterr().out.splitlines()
    assert "billing_balance: SELECT" in said
    assert "billing_entry: SELECT, INSERT" in said
    assert said[-1].endswith("other tables: SELECT, INSERT, UPDATE, DELETE")
