"""The forum Spirit, and what it is made of: a Django project in a virtual environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.database import WebWithDatabase, socket_of
from kedge.model.folder import Folder
from kedge.model.instance import Command, File, Instance, Part, Program, Start

MODULE = "kedge_drill_settings"
# Restored settings first, then what must differ in a copy: its database, no mail to anybody, any name.
SETTINGS = """\
import importlib, sys
_live = importlib.import_module(@MODULE)
globals().update({name: getattr(_live, name) for name in dir(_live) if name.isupper()})
DATABASES = {name: dict(one) for name, one in DATABASES.items()}
for _one in DATABASES.values():
    _one.update(@CHANGES)
    _options = dict(_one.get("OPTIONS", {}))
    for _name in ("unix_socket", "ssl", "sslmode", "host", "read_default_file", "service", "passfile"):
        _options.pop(_name, None)
    _one["OPTIONS"] = {**_options, **@OPTIONS}
ALLOWED_HOSTS = ["*"]
SECURE_SSL_REDIRECT = False
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
for _name in [name for name in getattr(_live, "CACHES", {}) if name != "default"]:
    CACHES[_name] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
"""


class Spirit(WebWithDatabase):
    """A forum made with Django: topics in its database, settings and uploaded files in its project's folder.

    Its front page lists topics from the database; where that fails, Django answers with status 500 and no more words.
    The software it runs on comes from a package index that may have newer versions tomorrow: so it is saved as well.
    """

    kind: ClassVar[str] = "spirit"
    summary: ClassVar[str] = "a Spirit forum (django-spirit)"
    mark: ClassVar[tuple[str, str] | None] = ("Spirit", "stModules")
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://forum.example.org/",
        "text": "Forum",
        "database": "db",
        "database-name": "forum",
        "project": "/srv/forum",
        "module": "forum.settings.prod",
        "software": "/opt/forum",
    }
    project: Folder | None = Field(None, description="the folder that `spirit startproject` made")
    module: str = Field("", description="its settings, as `DJANGO_SETTINGS_MODULE` names them")
    software: Folder | None = Field(None, description="the folder of its virtual environment")

    def parts(self) -> Iterable[Part]:
        """Yield its project, its software, and its database if that is known by name."""
        from kedge.parts.folder import FolderPart

        if self.project:
            yield FolderPart(self.project, "project")
        if self.software:
            yield FolderPart(self.software, "software")
        yield from self.database_parts()

    def programs(self) -> Iterable[str]:
        """Yield the Python of its restored software, and the libraries that this may have been built with."""
        yield from ("python3", "-/usr/lib/*/libmariadb.so.3", "-/usr/lib/*/libpq.so.5")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield gunicorn on the restored project, software and database."""
        web, found = at.dial.get("web"), socket_of(at)
        if at.mode != "sandbox" or web is None or found is None or not (self.project and self.software and self.module):
            return
        project, software = at.path(self.project), at.path(self.software)
        yield File(at.path(f"/drill/{MODULE}.py"), _settings(self.module, *found))
        paths = f"PYTHONPATH={at.path('/drill')}:{project}"
        django = ("env", "-C", str(project), paths, f"DJANGO_SETTINGS_MODULE={MODULE}", "PYTHONDONTWRITEBYTECODE=1")
        python = str(software / "bin" / "python")
        yield Command((*django, python, "-m", "django", "check"))
        name = self.module.partition(".")[0]
        serve = ("-m", "gunicorn", "--bind", f"{web.host}:{web.port}", "--workers", "1", "--threads", "4")
        yield Program((*django, python, *serve, f"{name}.wsgi"), next(iter(self.probes(at))))


def _settings(module: str, server: str, socket: PurePosixPath) -> str:
    """Return Python that leads to a database in the sandbox, where nobody needs a password."""
    if server == "mysql":
        changes = {"HOST": "", "PORT": "", "USER": "kedge", "PASSWORD": ""}
        options = {"unix_socket": str(socket)}
    else:
        changes = {"HOST": str(socket.parent), "PORT": socket.suffix.removeprefix("."), "PASSWORD": ""}
        options = {}
    words = {"@MODULE": repr(module), "@CHANGES": repr(changes), "@OPTIONS": repr(options)}
    text = SETTINGS
    for place, word in words.items():
        text = text.replace(place, word)
    return text
