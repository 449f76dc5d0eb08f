"""The forum: django-spirit from PyPI on MariaDB, served by gunicorn."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass

from tests.lab.component import Component, ended
from tests.lab.host import Host

SETTINGS = """\
import json
import pymysql
from .base import *

pymysql.version_info = (2, 2, 4, "final", 0)  # the version of mysqlclient that Django asks for
pymysql.install_as_MySQLdb()
_kept = json.load(open("/etc/forum/secrets.json"))
SECRET_KEY = _kept["key"]
DEBUG = False
ALLOWED_HOSTS = ["*"]
LANGUAGE_CODE = "de"
ST_SITE_URL = "%s"
DATABASES = {"default": {
    "ENGINE": "django.db.backends.mysql", "NAME": "forum", "USER": "forum", "PASSWORD": _kept["database"], "HOST": "",
    "OPTIONS": {"unix_socket": "/run/mysqld/mysqld.sock", "charset": "utf8mb4"},
}}
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
"""
CONTENT = """\
from django.contrib.auth import get_user_model
from spirit.category.models import Category
from spirit.comment.models import Comment
from spirit.topic.models import Topic
user = get_user_model().objects.create_superuser("admin", "anna@verein.example", "set-by-every-lab")
category = Category.objects.create(title="Öffentliches", description="Für alle")
for title in ("Größere Räume gesucht", "Straßenfest in Łódź"):
    topic = Topic.objects.create(user=user, category=category, title=title)
    Comment.objects.create(user=user, topic=topic, comment="Schöne Grüße", comment_html="<p>Schöne Grüße</p>")
"""
ENVIRONMENT = "env -C /srv/forum DJANGO_SETTINGS_MODULE=forum.settings.lab PATH=/opt/python/bin:/usr/bin:/bin"
PORT = 8090


@dataclass(frozen=True)
class Spirit(Component):
    """The forum; Apache stands in front of it."""

    url: str
    name = "spirit"
    python_packages = frozenset({"django-spirit", "pymysql", "gunicorn"})
    process = r"/opt/python/bin/gunicorn"

    def prepare(self, host: Host) -> None:
        """Set it up with two topics."""
        host.sh("useradd -r -d /srv/forum forum; cd /srv; PATH=/opt/python/bin:$PATH spirit startproject forum")
        host.write("/srv/forum/forum/settings/lab.py", SETTINGS % (self.url + "/"))
        self.personalise(host)
        manage = f"{ENVIRONMENT} python manage.py"
        host.sh(f"{manage} spiritinstall; {manage} shell -v 0", stdin=CONTENT)
        host.sh("chown -R forum: /srv/forum")

    def personalise(self, host: Host) -> None:
        """Write this lab's database password and signing key."""
        kept = {"database": host.secrets["forum-database"], "key": host.secrets["forum-key"]}
        host.write("/etc/forum/secrets.json", json.dumps(kept), mode=0o600, owner="forum")

    def start(self) -> str:
        """Start one worker."""
        command = f"/opt/python/bin/gunicorn -b 127.0.0.1:{PORT} -w 1 --threads 4 forum.wsgi"
        as_forum = f"setpriv --reuid=forum --regid=forum --init-groups {ENVIRONMENT}"
        return f"setsid {as_forum} {command} >/var/log/forum.log 2>&1 &"

    def ready(self) -> str:
        """It shows a topic from the database."""
        return f"curl -sf -m 10 http://127.0.0.1:{PORT}/ | grep -q 'Größere Räume gesucht'"

    def settle(self, host: Host) -> None:
        """Give the administrator this lab's password, in Django's own format."""
        salt = host.secrets["forum-salt"]
        key = hashlib.pbkdf2_hmac("sha256", host.secrets["forum-admin"].encode(), salt.encode(), 100_000)
        stored = f"pbkdf2_sha256$100000${salt}${base64.b64encode(key).decode()}"
        host.run(["mariadb", "forum"], stdin=f"UPDATE auth_user SET password='{stored}' WHERE username='admin'")

    def stop(self) -> str:
        """Stop it."""
        return ended("/opt/python/bin/gunicorn")
