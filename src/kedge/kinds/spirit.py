"""Spirit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.database import WebWithDatabase
from kedge.kinds.files import Folder
from kedge.model.instance import Part


class Spirit(WebWithDatabase):
    """A forum made with Django: topics in its database, settings and uploaded files in its project's folder.

    Its front page lists topics from the database; where that fails, Django answers with status 500 and no more words.
    """

    kind: ClassVar[str] = "spirit"
    summary: ClassVar[str] = "a Spirit forum (django-spirit)"
    mark: ClassVar[tuple[str, str] | None] = ("Spirit", "stModules")
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://forum.example.org/",
        "database": "db",
        "database-name": "forum",
        "project": "/srv/forum",
    }

    database_name: str = Field("", description="its database in that service; needed to save it apart from others")
    project: Folder | None = Field(None, description="the folder of its Django project, with settings and uploads")

    def parts(self) -> Iterable[Part]:
        """Yield its project, and its database if that is known by name."""
        from kedge.parts.folder import FolderPart
        from kedge.parts.mariadb import MariaDBPart

        if self.project:
            yield FolderPart(self.project, "project")
        if self.database_name and self.database:
            yield MariaDBPart(databases=(self.database_name,), name="database", of="database")
