"""Apache: MediaWiki by PHP, and what runs behind it as a proxy."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.component import Component, ended
from tests.lab.host import Host

WORKERS = """\
StartServers 2
MinSpareServers 1
MaxSpareServers 3
MaxRequestWorkers 10
"""
SITE = """\
<VirtualHost *:80>
    ServerName {name}
{body}</VirtualHost>
<VirtualHost *:443>
    ServerName {name}
    SSLEngine on
    SSLCertificateFile /etc/ssl/lab/fullchain.pem
    SSLCertificateKeyFile /etc/ssl/lab/privkey.pem
{body}</VirtualHost>
"""
WIKI = "    RedirectMatch ^/$ /mediawiki/index.php\n"
PROXY = "    ProxyPreserveHost On\n    ProxyPass / http://127.0.0.1:{port}/\n"


@dataclass(frozen=True)
class Site:
    """One name and what answers there: a port behind the proxy, or MediaWiki."""

    name: str
    behind: int = 0
    """The port on localhost; 0: MediaWiki."""

    def text(self) -> str:
        """Its virtual hosts, with and without TLS."""
        body = PROXY.format(port=self.behind) if self.behind else WIKI
        return SITE.format(name=self.name, body=body)


@dataclass(frozen=True)
class Apache(Component):
    """`apache2` on 80 and 443."""

    sites: tuple[Site, ...]
    name = "apache"
    packages = frozenset({"apache2", "libapache2-mod-php"})
    process = r"^/usr/sbin/apache2 "

    def prepare(self, host: Host) -> None:
        """Write the sites."""
        host.write("/etc/apache2/mods-available/mpm_prefork.conf", WORKERS)
        host.write("/etc/apache2/conf-available/lab.conf", f"ServerName {host.machine.full_name}\n")
        for site in self.sites:
            host.write(f"/etc/apache2/sites-available/{site.name}.conf", site.text())
        enabled = " ".join(site.name for site in self.sites)
        host.sh(f"a2enmod -q ssl proxy proxy_http; a2enconf -q lab; a2dissite -q 000-default; a2ensite -q {enabled}")
        if not all(site.behind for site in self.sites):
            host.sh("a2enconf -q mediawiki")

    def start(self) -> str:
        """Start it; /run is empty after every boot, and so are its folders there."""
        return "install -d /run/apache2 /run/lock/apache2 /var/log/apache2; apache2ctl start"

    def ready(self) -> str:
        """It says what it is; what the sites say is their own components' business."""
        return "curl -s -o /dev/null -m 5 http://127.0.0.1/server-that-does-not-exist"

    def stop(self) -> str:
        """Stop it."""
        return ended("^/usr/sbin/apache2 ", "apache2ctl stop")
