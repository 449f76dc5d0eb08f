"""MediaWiki."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.database import DATABASES, WebWithDatabase
from kedge.kinds.files import Folder


class MediaWiki(WebWithDatabase):
    """A wiki: pages in its database, uploaded files in a folder.

    Its page is looked at; saving a wiki with its database as one is not proven yet and therefore not offered.
    """

    kind: ClassVar[str] = "mediawiki"
    summary: ClassVar[str] = "a MediaWiki"
    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": DATABASES}
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://wiki.example.org/wiki/Main_Page",
        "text": "Main Page",
        "database": "db",
        "uploads": "/var/lib/mediawiki/images",
    }

    database_name: str = Field("", description="its database in that service; needed to save it apart from others")
    uploads: Folder | None = Field(None, description="the folder of uploaded files (`$wgUploadDirectory`)")
    settings: Folder | None = Field(None, description="the folder of `LocalSettings.php`")
