"""What hosts say from within: ordinary servers that the lab does not have."""

from __future__ import annotations

from datetime import date

import pytest

from kedge.app.beginning import check_text
from kedge.discovery.composing import compose
from kedge.discovery.inside import read_inside
from kedge.discovery.settings import read_settings
from kedge.discovery.vhosts import Site, read_sites
from kedge.discovery.world import World
from kedge.model.inventory import Inventory

HEAD = """\
== time
1700000000
== space
Filesystem 1024-blocks Used Available Capacity Mounted on
/dev/vda1 41943040 20971520 20971520 50% /
== groups
  vg0 53687091200
== user
 {user}
== node
 web1
== release
 ID=ubuntu
 VERSION_ID="24.04"
"""
END = "== updates\n 7\n== end\n"


def drawn(text: str, user: str = "0") -> tuple[Inventory, str]:
    view = read_inside("ssh web1", HEAD.format(user=user) + text + END)
    written = compose("club", date(2026, 11, 22), World(), [view]).sketch.to_text()
    return check_text(written), written


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        (" /usr/share/zoneinfo/Europe/Berlin\n Europe/Berlin\n", "Europe/Berlin"),
        (" /etc/localtime\n Europe/Vienna\n", "Europe/Vienna"),
        (" /usr/share/zoneinfo/Etc/UTC\n Etc/UTC\n", ""),
        (" ../../etc/shadow\n", ""),
        ("", ""),
    ],
)
def test_a_host_says_its_time_zone(said: str, zone: str) -> None:
    assert read_inside("ssh web1", f"{HEAD.format(user=0)}== zone\n{said}{END}").zone == zone


NGINX = """\
== sockets
 tcp LISTEN 0 511 0.0.0.0:443 0.0.0.0:* users:(("nginx",pid=5,fd=6))
 tcp LISTEN 0 511 127.0.0.1:9000 0.0.0.0:* users:(("node",pid=9,fd=6))
 tcp LISTEN 0 511 0.0.0.0:7777 0.0.0.0:* users:(("strange",pid=11,fd=6))
== processes
 5	/	nginx: master process /usr/sbin/nginx
 9	/	/usr/bin/node\x1f/srv/pad/server.js
 11	/	/opt/strange\x1f--serve
 12	/docker-abc	/usr/sbin/slapd
== vhosts
 @@ /etc/nginx/sites-enabled/all
 >server {
 >  server_name blog.example.org www.blog.example.org;
 >  root /var/www/blog;
 >server {
 >  server_name pad.example.org;
 >  proxy_pass http://127.0.0.1:9000;
 >server {
 >  server_name plain.example.org;
 >  root /var/www/plain/;
== markers
 /var/www/blog/wp-config.php
== settings
 @@ /var/www/blog/wp-config.php
 >define('DB_NAME', 'blog');
 >define('DB_HOST', 'db.example.org');
"""


def test_sites_applications_and_strangers_each_become_a_service() -> None:
    inventory, _ = drawn(NGINX)
    services = {name: (one.kind, getattr(one, "url", "")) for name, one in inventory.sections.services.items()}
    assert services == {
        "website": ("wordpress", "https://blog.example.org/"),
        "pad": ("other", "https://pad.example.org/"),
        "strange": ("other", ""),
        "plain": ("static-site", "https://plain.example.org/"),
        "website-db": ("mariadb", ""),  # on a host that nobody has looked at
    }
    assert inventory.sections.services["website-db"].host == ("db",)
    website = inventory.sections.services["website"]
    assert (getattr(website, "database", ""), getattr(website, "database_name", "")) == ("website-db", "blog")
    assert getattr(website, "folder", "") == "/var/www/blog"


NESTED = """== processes
 5	/	nginx: master process /usr/sbin/nginx
== vhosts
 @@ /etc/nginx/sites-enabled/all
 >server {
 >  server_name www.example.org;
 >  root /var/www;
 >server {
 >  server_name cloud.example.org;
 >  root /var/www/cloud;
 >server {
 >  server_name blog.example.org;
 >  root /var/www/cloud-blog;
== markers
 /var/www/cloud-blog/wp-config.php
 /var/www/cloud/occ
"""


def test_an_application_belongs_to_the_innermost_site_around_it() -> None:
    """Not to the web server's default, in whose folder all the others lie, nor to one whose name only begins alike."""
    inventory, _ = drawn(NESTED)
    services = {one.kind: getattr(one, "url", "") for one in inventory.sections.services.values()}
    assert services["wordpress"] == "https://blog.example.org/"
    assert services["nextcloud"] == "https://cloud.example.org/"


def test_a_host_says_what_it_is() -> None:
    inventory, text = drawn("")
    host = inventory.sections.hosts["web1"]
    assert host.system == "Ubuntu 24.04"
    assert host.volumes["root"].unallocated == 50 << 30
    assert "7 packages wait for an update" in text


def test_ports_whose_programs_nobody_may_see_are_listed() -> None:
    _, text = drawn(
        "== sockets\n tcp LISTEN 0 80 0.0.0.0:6667 0.0.0.0:*  \n tcp LISTEN 0 80 0.0.0.0:22 0.0.0.0:*  \n", "1000"
    )
    assert "something listens on tcp port 6667" in text
    assert "port 22" not in text


def test_containers_without_a_compose_file_are_services() -> None:
    lines = "\n".join(
        f" docker\t{name}\t{image}\trunning\t\t{project}\t" for name, image, project in [
            ("vault", "vaultwarden/server:1", ""), ("thing", "registry.example/own:3", ""), ("cloud-app-1", "nextcloud", "cloud"),
            ("sql", "mariadb:11", ""),
        ]
    )  # fmt: skip
    compose_file = "== compose\n @@ /srv/cloud/compose.yml\n >services: {app: {image: nextcloud, volumes: ['d:/d']}}\n"
    inventory, _ = drawn(f"== containers\n{lines}\n{compose_file}")
    assert {name: one.kind for name, one in inventory.sections.services.items()} == {
        "vault": "vaultwarden", "thing": "other", "cloud": "compose", "sql": "mariadb",
    }  # fmt: skip
    assert getattr(inventory.sections.services["sql"], "container", "") == "sql"


def test_guests_are_hosts_of_their_own() -> None:
    inventory, _ = drawn("== guests\n mailvm\n VMID Status Name\n 101 running wiki-ct\n 102 forum-vm stopped 2048\n")
    assert {name: host.guest_of for name, host in inventory.sections.hosts.items()} == {
        "web1": None, "mailvm": "web1", "wiki-ct": "web1", "forum-vm": "web1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("/etc/mediawiki/LocalSettings.php", '$wgDBtype = "postgres";\n$wgDBname = "w";\n$wgDBserver = "db1";', "db1/postgresql/w"),
        ("/var/www/cloud/config/config.php", "'dbtype' => 'mysql',\n'dbname' => 'nc',\n'dbhost' => 'localhost:3306',", "/mariadb|mysql/nc"),
        ("/etc/mailman3/mailman.cfg", "url: postgresql+psycopg2://mailman@localhost/mailman", "/postgresql/mailman"),
    ],
)  # fmt: skip
def test_settings_tell_of_their_database(path: str, text: str, told: str) -> None:
    assert read_settings(path, text).told == told


def test_caddy_and_apache_name_their_sites() -> None:
    caddy = {
        "/etc/caddy/Caddyfile": "wiki.example.org {\n\treverse_proxy localhost:3000\n}\nwww.example.org {\n\troot /srv/www\n}\n"
    }
    assert read_sites(caddy) == [Site(("wiki.example.org",), "", 3000), Site(("www.example.org",), "/srv/www", 0)]
