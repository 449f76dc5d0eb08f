"""What the part of a PostgreSQL server says to psql(1), and how it reads a dump of roles."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

DATABASES = (
    "SELECT encode(convert_to(datname, 'UTF8'), 'hex') FROM pg_database "
    "WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres' ORDER BY datname"
)
IS_EMPTY = (
    "SELECT NOT EXISTS (SELECT FROM pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND "
    "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND "
    "d.deptype = 'e')) AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid >= 16384 AND NOT EXISTS (SELECT FROM "
    "pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')) AND "
    "NOT EXISTS (SELECT FROM pg_largeobject_metadata)"
)
# Whatever changes how a value is written, for the same text on both sides.
SETTINGS = """\
SET search_path = pg_catalog; SET client_encoding = 'UTF8'; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres'; SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmloption = 'content';
SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = off;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
"""
# pg_dump runs beside, and writes into what the session inherited: 3 the dump, 4 complaints, 5 its exit code.
DUMP = r"""SELECT pg_export_snapshot() AS snapshot \gset
\setenv KEDGE_SNAPSHOT :snapshot
\! (@DUMP --snapshot="$KEDGE_SNAPSHOT" >&3 2>&4; echo $? >&5) </dev/null >/dev/null 2>&1 &
"""
WAIT = "\\! while [ ! -s /dev/fd/5 ]; do sleep 0.05; done\n"
HEX = "encode(convert_to({}, 'UTF8'), 'hex')"

# A statement for each table: leaves only, since a table with partitions holds no rows of its own, and not what belongs
# to an extension, which brings it. `newest` is the latest of its moments that is not in the future.
TABLES = r"""
WITH ours AS (
  SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
      AND d.deptype = 'e')
), moments AS (
  SELECT attrelid, string_agg(format('CASE WHEN t.%I <= now() THEN t.%I::timestamptz END', attname, attname), ', ')
    AS columns
  FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND atttypid IN (1114, 1184) GROUP BY attrelid
)
SELECT format('SELECT %L, count(*), coalesce(sum(hashtextextended(t::text COLLATE "C", 0)), 0), %s FROM ONLY %I.%I t',
  encode(convert_to(format('%s.%s.%s', @DATABASE, nspname, relname), 'UTF8'), 'hex'),
  coalesce('extract(epoch FROM max(greatest(' || columns || ')))', 'NULL'), nspname, relname)
FROM ours LEFT JOIN moments ON attrelid = oid ORDER BY nspname, relname
\gexec
"""
OWN = "NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
EXTENSIONS_OWN = "NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = {}.oid AND d.deptype = 'e')"
OBJECTS = (
    ("extensions", "SELECT extname::text AS what FROM pg_extension"),
    ("schemas", f"SELECT n.nspname::text FROM pg_namespace n WHERE n.nspname {OWN}"),
    (
        "tables, views, sequences",
        "SELECT format('%s %s.%s', c.relkind, n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = "
        f"c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't' "
        f"AND n.nspname {OWN}",
    ),
    (
        "columns",
        "SELECT format('%s.%s %s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)) "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname {OWN}",
    ),
    ("views", f"SELECT pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
     f"WHERE c.relkind IN ('v', 'm') AND n.nspname {OWN}"),
    ("indexes", f"SELECT pg_get_indexdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
     f"WHERE c.relkind IN ('i', 'I') AND n.nspname {OWN}"),
    ("constraints", "SELECT format('%s %s', conname, pg_get_constraintdef(o.oid)) FROM pg_constraint o "
     f"JOIN pg_namespace n ON n.oid = o.connamespace WHERE n.nspname {OWN}"),
    ("triggers", "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"),
    ("functions", "SELECT format('%s.%s(%s) %s', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), "
     f"md5(p.prosrc)) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname {OWN} "
     f"AND {EXTENSIONS_OWN.format('p')}"),
    ("types", "SELECT format('%s %s.%s', t.typtype, n.nspname, t.typname) FROM pg_type t JOIN pg_namespace n "
     f"ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r') AND n.nspname {OWN}"),
    ("large objects", "SELECT format('%s %s', loid, md5(string_agg(data, '' ORDER BY pageno))) FROM pg_largeobject "
     "GROUP BY loid"),
    (
        "roles in use",
        "SELECT DISTINCT format('%s %s %s %s', r.rolname, r.rolsuper, r.rolcanlogin, r.rolcreatedb) FROM pg_shdepend d "
        "JOIN pg_roles r ON r.oid = d.refobjid WHERE d.refclassid = 'pg_authid'::regclass "
        # What a server's first role owns is not noted there, and another server has another first role.
        "AND NOT r.rolsuper "
        "AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    ),
    (
        "settings",
        "SELECT format('%s %s %s', pg_encoding_to_char(encoding), datcollate, datctype) FROM pg_database "
        "WHERE datname = current_database()",
    ),
)  # fmt: skip
"""What a database has beside rows: each kind of object with a query for one text for each of them."""


def look(databases: Sequence[str]) -> str:
    """Return what asks for the server's version, whether one is its superuser, and for the bytes of these databases.

    Without names, of all; what each has even when it is empty is left out.
    """
    names = ", ".join(map(string, databases))
    ours = f"datname IN ({names})" if databases else "NOT datistemplate"
    empty = "pg_database_size('template1')"
    return (
        "SHOW server_version_num; SELECT rolsuper FROM pg_roles WHERE rolname = current_user; "
        f"SELECT coalesce(sum(greatest(pg_database_size(oid) - {empty}, 0)), 0) FROM pg_database WHERE {ours};"
    )


def count_of_dump(database: str, dump: Sequence[str]) -> str:
    """Return the session that exports its snapshot to a dump that runs beside it, and counts in the same snapshot."""
    return SETTINGS + DUMP.replace("@DUMP", shlex.join(dump)) + _counting(database) + WAIT


def count_here(database: str) -> str:
    """Return the session that counts what is there now."""
    return SETTINGS + _counting(database)


def _counting(database: str) -> str:
    lines = [TABLES.replace("@DATABASE", string(database))]
    for title, query in OBJECTS:
        label = f"{database} ({title})".encode().hex()
        digest = 'coalesce(sum(hashtextextended(what::text COLLATE "C", 0)), 0)'
        lines.append(f"SELECT '{label}', count(*), {digest}, NULL FROM ({query}) AS listed(what);\n")
    return "".join(lines)


def without_roles(dump: str, there: Iterable[str]) -> str:
    """Return a dump of roles (pg_dumpall(1)) without what makes or changes roles that are there (quoted as in SQL)."""
    begins = tuple(f"{verb} ROLE {name}{end}" for name in there for verb in ("CREATE", "ALTER") for end in " ;")
    return "".join(line for line in dump.splitlines(keepends=True) if not line.startswith(begins))


def identifier(name: str) -> str:
    """Return a name as SQL has it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def string(text: str) -> str:
    """Return a text as SQL has it, whatever is in it."""
    return "'" + text.replace("'", "''") + "'"
