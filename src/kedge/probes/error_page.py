"""Error pages of well-known programs, in the languages they speak; some of them come with status 200."""

from __future__ import annotations

import re

NO_DATABASE = (
    # MediaWiki, message dberr-info of 1.39, and before 2010 dberr-problems
    "Cannot access the database", "Cannot contact the database server",
    "Auf die Datenbank konnte nicht zugegriffen werden", "Accès à la base de données impossible",
    "No se puede acceder a la base de datos", "Impossibile accedere al server del database",
    "Kan geen toegang krijgen tot de database", "Błąd łączności z bazą danych",
    "Não foi possível aceder ao servidor da base de dados", "Nelze se připojit k databázi",
    "Kan inte komma åt databasen", "Kan ikke tilgå databasen", "Нет доступа к базе данных",
    # WordPress, Request Tracker, Joomla, vBulletin, Drupal, phpMyAdmin, Discourse and others behind them
    "Error establishing a database connection", "Fehler beim Aufbau einer Datenbankverbindung",
    "Erreur lors de la connexion à la base de données", "Database inaccessible; contact the RT administrator",
    "Could not connect to the database", "Database connection error", "Database Error: Unable to connect",
    "SQLSTATE[HY000] [2002]", "SQLSTATE[HY000] [1040]", "SQLSTATE[08006]",
)  # fmt: skip
"""What programs say that cannot reach their database."""
BROKEN = (
    "phpBB : Critical Error", "SQLSTATE[", "Fatal error: Uncaught", "Parse error: syntax error",
    "Internal Server Error", "Server Error (500)", "Software Error", "Proxy Error", "Bad Gateway",
    "The website encountered an unexpected error",
)  # fmt: skip
"""What they say when something else is broken."""
SHORT, END = 4096, 1024
"""Letters: error pages are short, or break off where it happened. Elsewhere somebody merely writes about errors."""
_TITLE = re.compile(r"<(title|h1)\b[^>]*>.{0,200}?</\1>", re.IGNORECASE | re.DOTALL)


def find_error(text: str) -> str:
    """Return the phrase that makes a page an error page; empty if it is none."""
    telling = text if len(text) <= SHORT else " ".join([*_titles(text), text[-END:]])
    return next((phrase for phrase in (*NO_DATABASE, *BROKEN) if phrase in telling), "")


def _titles(text: str) -> list[str]:
    return [found[0] for found in _TITLE.finditer(text[: 16 * SHORT])]


def explain_error(phrase: str) -> str:
    """Return what such a phrase means: `it cannot reach its database`, or the phrase itself."""
    return "it cannot reach its database" if phrase in NO_DATABASE else f"'{phrase}'"
