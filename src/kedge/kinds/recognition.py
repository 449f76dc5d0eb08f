"""How each kind of service shows itself: its programs, images, greetings, pages and files. A kind recognises itself.

Every text is a regular expression. Programs and images must match from the beginning of a name; greetings and pages
are searched without regard to case. What nobody recognises is nobody's: whoever asks must list it.
"""

# ruff: noqa: E501 - a pattern is read whole

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Recognised:
    """How one kind is found on a host, in a compose file, or from outside."""

    programs: str = ""
    """Names of its programs, or of the script that an interpreter runs."""
    images: str = ""
    """Names of its container images, without registry and tag."""
    greetings: str = ""
    """What it says first, to whoever connects."""
    pages: str = ""
    """What its pages or their headers (`server: …`) contain."""
    files: str = ""
    """Paths of files that only it has."""
    labels: tuple[str, ...] = ()
    """Names it is usually given in the DNS."""


RECOGNISED: Mapping[str, Recognised] = {
    # mail and lists
    "postfix": Recognised(
        r".*/postfix/(sbin/)?master$", r"(.*/)?(postfix|docker-mailserver|boky/postfix)$", r"\bpostfix\b"
    ),
    "exim": Recognised(r"exim4?$", r"(.*/)?exim4?$", r"\bexim\b"),
    "dovecot": Recognised(r"dovecot$", r"(.*/)?dovecot$", r"\bdovecot\b", labels=("imap", "pop", "pop3")),
    "mailcow": Recognised(
        images=r"(ghcr\.io/)?mailcow/(postfix|dovecot|sogo).*", pages=r"<title>[^<]*mailcow", files=r".*/mailcow\.conf$"
    ),
    "mailman3": Recognised(
        r"(.*/)?mailman3?/bin/(master|runner)$|mailman3?$",
        r"(.*/)?mailman-(core|web)$",
        pages=r"(src|href)=\"[^\"]*(postorius|hyperkitty)/|/mailman/listinfo",
        labels=("lists", "list", "ml", "listen"),
    ),
    "sympa": Recognised(r"sympa(_msg|_bulk)?\.pl$", r"(.*/)?sympa$", pages=r"<meta name=\"generator\" content=\"Sympa"),
    "roundcube": Recognised(
        images=r"(.*/)?roundcube(mail)?$",
        pages=r"roundcube_sessid|rcmail\.set_env|<title>[^<]*roundcube",
        files=r".*/roundcube/(config/)?config.inc.php$",
        labels=("webmail",),
    ),
    # talking
    "prosody": Recognised(r"prosody$", r"(.*/)?prosody$", r"prosody\.im", labels=("xmpp", "jabber")),
    "ejabberd": Recognised(r"ejabberd(ctl)?$", r"(.*/)?ejabberd$|ejabberd/ecs$", r"process-one\.net|ejabberd"),
    "matrix-synapse": Recognised(
        r"synapse_homeserver$|synapse\.app\..*",
        r"(.*/)?synapse$",
        pages=r"Synapse is running",
        files=r".*/homeserver\.yaml$",
        labels=("matrix", "synapse"),
    ),
    "mastodon": Recognised(
        images=r"(.*/)?mastodon$",
        pages=r"server: mastodon|id=['\"]mastodon['\"]",
        labels=("social", "mastodon"),
    ),
    "jitsi": Recognised(
        r"jicofo.*|jitsi-videobridge.*",
        r"jitsi/(web|jvb|jicofo|prosody)$",
        pages=r"<title>[^<]*jitsi|content=\"Jitsi",
        labels=("meet", "jitsi"),
    ),
    "bigbluebutton": Recognised(
        r"bbb-.*", r"bigbluebutton/.*", pages=r"<title>[^<]*(bigbluebutton|greenlight)", labels=("bbb",)
    ),
    "mumble": Recognised(
        r"(mumble-server|murmurd|mumble-server-.*)$", r"(.*/)?mumble-server$", labels=("mumble", "voice")
    ),
    # pages, forums, tickets
    "mediawiki": Recognised(
        images=r"(.*/)?mediawiki$",
        pages=r"content=\"MediaWiki|mediawiki\.page\.ready",
        files=r".*/LocalSettings\.php$",
        labels=("wiki",),
    ),
    "wordpress": Recognised(
        images=r"(.*/)?wordpress$",
        pages=r"content=\"WordPress|/wp-content/|/wp-includes/",
        files=r".*/wp-config\.php$",
        labels=("blog",),
    ),
    "drupal": Recognised(
        images=r"(.*/)?drupal$",
        pages=r"x-generator: drupal|content=\"Drupal|drupal-settings-json",
        files=r".*/sites/default/settings\.php$",
    ),
    "typo3": Recognised(
        images=r"(.*/)?typo3$",
        pages=r"content=\"TYPO3|typo3temp/",
        files=r".*/typo3conf/LocalConfiguration\.php$",
    ),
    "dokuwiki": Recognised(
        images=r"(.*/)?dokuwiki$",
        pages=r"content=\"DokuWiki|lib/exe/css\.php",
        files=r".*/doku\.php$",
        labels=("wiki",),
    ),
    "phpbb": Recognised(
        images=r"(.*/)?phpbb3?$",
        pages=r"id=\"phpbb\"|phpbb3?_[a-z0-9]+_(sid|u)=",
        files=r".*/viewtopic\.php$",
        labels=("forum",),
    ),
    "discourse": Recognised(
        images=r"(.*/)?(local_)?discourse(/app)?$",
        pages=r"content=\"Discourse|discourse-cdn|data-discourse",
        labels=("forum",),
    ),
    "otrs": Recognised(
        images=r"(.*/)?(otrs|znuny|otobo)$",
        pages=r"(src|href)=\"[^\"]*/(otrs|znuny|otobo)(-web)?/|OTRSAgentInterface",
        files=r".*/(otrs|znuny|otobo)/Kernel/Config\.pm$",
        labels=("tickets", "otrs"),
    ),
    "request-tracker": Recognised(
        r"rt-server(\.fcgi)?$",
        r"(.*/)?(rt|request-?tracker)[45]?$",
        pages=r"RT_SID_|/NoAuth/css/|window\.RT\b",
        labels=("tickets", "ticket", "rt", "support"),
    ),
    # working together
    "nextcloud": Recognised(
        images=r"(.*/)?nextcloud(-fpm|-aio.*|/all-in-one|/server)?$",
        pages=r"oc_sessionpassphrase|nc_sameSiteCookie|content=\"[^\"]*nextcloud|<title>\s*(login\s*.\s*)?nextcloud",
        files=r".*/occ$",
        labels=("cloud", "nextcloud", "files"),
    ),
    "forgejo": Recognised(
        r"(forgejo|gitea)$",
        r"(.*/)?(forgejo|gitea)$",
        pages=r"content=\"(forgejo|gitea)|i_like_(gitea|forgejo)|Powered by (Forgejo|Gitea)",
        labels=("git", "code", "forge"),
    ),
    "gitlab": Recognised(
        r"gitlab-.*",
        r"(.*/)?gitlab-(ce|ee)$",
        pages=r"_gitlab_session|content=\"GitLab",
        labels=("gitlab", "git"),
    ),
    "etherpad": Recognised(
        images=r"(.*/)?etherpad(-lite)?$",
        pages=r"<title>[^<]*etherpad|/static/js/index\.js\?v=.*pad",
        labels=("pad", "pads"),
        files=r".*/etherpad(-lite)?/settings\.json$",
    ),
    "hedgedoc": Recognised(
        images=r"(.*/)?(hedgedoc|codimd)$", pages=r"<title>[^<]*(hedgedoc|codimd)", labels=("md", "pad", "hedgedoc")
    ),
    "samba": Recognised(r"smbd$", r"(.*/)?samba$"),
    "minecraft": Recognised(
        r"(minecraft_server|paper|spigot|forge).*\.jar$", r"(.*/)?minecraft-(server|bedrock-server)$"
    ),
    # who is who
    "keycloak": Recognised(
        r"kc\.sh$",
        r"(.*/)?keycloak$",
        pages=r"<title>[^<]*keycloak|kc_[a-z]+_cookie|KEYCLOAK_|location: [^\n]*/realms/",
        labels=("sso", "auth", "login", "id"),
    ),
    "openldap": Recognised(r"slapd$", r"(.*/)?openldap$", labels=("ldap",)),
    "vaultwarden": Recognised(
        r"vaultwarden$",
        r"(.*/)?(vaultwarden|bitwardenrs)(/server)?$|bitwardenrs/server$",
        pages=r"<title>[^<]*(vaultwarden|bitwarden)",
        labels=("vault", "passwords", "bitwarden"),
    ),
    # names and networks
    "bind": Recognised(r"named$", r"(.*/)?bind9?$", labels=("ns", "ns1", "ns2")),
    "knot": Recognised(r"knotd$", r"(.*/)?knot$"),
    "powerdns": Recognised(r"pdns_server(-.*)?$", r"(.*/)?pdns-auth.*|(.*/)?powerdns$"),
    "unbound": Recognised(r"unbound$", r"(.*/)?unbound$"),
    "openvpn": Recognised(r"openvpn$", r"(.*/)?openvpn(-as)?$", labels=("vpn",)),
    "wireguard": Recognised(r"wg-(crypt|quick).*", r"(.*/)?(wireguard|wg-easy)$"),
    # what others stand on
    "nginx": Recognised(
        r"nginx:?$", r"(.*/)?(nginx|nginx-proxy|nginx-proxy-manager|swag)$", pages=r"server: (nginx|openresty)"
    ),
    "apache": Recognised(r"(apache2|httpd)$", r"(.*/)?(httpd|apache2?)$", pages=r"server: apache"),
    "caddy": Recognised(r"caddy$", r"(.*/)?caddy(-docker-proxy)?$", pages=r"server: caddy"),
    "mariadb": Recognised(r"(mariadbd|mysqld)$", r"(.*/)?mariadb(-galera)?$", r"mariadb"),
    "mysql": Recognised(images=r"(.*/)?(mysql|mysql/mysql-server|percona)$"),
    "postgresql": Recognised(
        r"(postgres|postmaster):?$",
        r"(.*/)?(postgres|postgresql|postgis|pgvecto-rs|pgvector|postgres-upgrade|timescaledb|pgautoupgrade).*",
    ),
    "redis": Recognised(r"(redis|valkey|keydb)-server$", r"(.*/)?(redis|valkey|keydb|redis-stack.*)$"),
}
"""Kind -> how it shows itself. Kinds that are not here (`files`, `http`, `plugin`, `other` …) show nothing of their own."""
FRONTS = frozenset({"nginx", "apache", "caddy"})
"""Web servers: a service of their own only where nothing better answers behind them."""
DATABASES = frozenset({"mariadb", "mysql", "postgresql"})

INTERPRETERS = re.compile(r"(python|perl|ruby|php|node|lua|java|bash|sh|dash|beam\.smp)[0-9.]*(-fpm.*)?$")
OTHER_NAMES = (
    "www", "web", "web1", "server", "host", "smtp", "mx", "mx1", "mx2", "mail2", "relay", "conference", "chat", "talk",
    "status", "monitor", "grafana", "backup", "nas", "db", "sql", "shop", "news", "docs", "calendar", "dav", "photos",
    "media", "video", "tube", "intranet", "irc", "dev", "test", "stats", "analytics", "autoconfig", "mta-sts", "ns3",
    "hosting", "members", "mitglieder", "crm", "erp", "survey", "umfrage", "poll", "vote", "events", "tickets2", "help",
)  # fmt: skip


def usual_names() -> tuple[str, ...]:
    """Return the labels that services usually have in the DNS, each once."""
    labels = (label for one in RECOGNISED.values() for label in one.labels)
    return tuple(dict.fromkeys(["mail", "smtp", "imap", *labels, *OTHER_NAMES]))


@cache
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def program_of(argv: Sequence[str]) -> str:
    """Return the path or name of the program a process runs: of the script, where an interpreter runs one."""
    words = [word for word in argv if word]
    if not words:
        return ""
    first = words[0]
    if INTERPRETERS.fullmatch(PurePosixPath(first).name):
        rest = words[1:]
        for before, word in zip(["", *rest], rest, strict=False):
            if before in ("-m", "-jar") or not word.startswith("-"):
                return word
    return first


def kind_of_program(argv: Sequence[str]) -> str:
    """Return the kind whose program a process is; empty if none knows it."""
    program = program_of(argv)
    name = program.split(" ")[0] if ":" in program else program
    for kind, one in RECOGNISED.items():
        pattern = one.programs and _compiled(one.programs)
        if pattern and (pattern.match(name) or pattern.match(PurePosixPath(name).name)):
            return kind
    return ""


def plain_image(image: str) -> str:
    """Return an image's name without registry, tag and digest: `docker.io/library/mariadb:11` is `mariadb`."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    name = head + slash + tail.partition(":")[0]
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        name = rest
    return name.removeprefix("library/").lower()


def kind_of_image(image: str) -> str:
    """Return the kind that an image carries; empty if none knows it."""
    name = plain_image(image)
    for kind, one in RECOGNISED.items():
        if one.images and _compiled(one.images).fullmatch(name):
            return kind
    return ""


def kind_of_greeting(text: str, among: Iterable[str]) -> str:
    """Return which of these kinds says such a thing; empty if none does."""
    for kind in among:
        if (pattern := RECOGNISED[kind].greetings) and _compiled(pattern).search(text):
            return kind
    return ""


def kind_of_page(headers: Mapping[str, str], text: str) -> str:
    """Return the kind whose page this is: an application rather than the web server in front of it."""
    said = "\n".join(f"{name.lower()}: {value}" for name, value in headers.items())
    kinds = sorted(RECOGNISED, key=lambda kind: kind in FRONTS)
    for kind in kinds:
        pattern = RECOGNISED[kind].pages
        if pattern and (_compiled(pattern).search(said) or (kind not in FRONTS and _compiled(pattern).search(text))):
            return kind
    return ""


def kind_of_file(path: str) -> str:
    """Return the kind that has such a file; empty if none knows it."""
    for kind, one in RECOGNISED.items():
        if one.files and _compiled(one.files).fullmatch(path):
            return kind
    return ""


def marker_names() -> tuple[str, ...]:
    """Return the names of the files by which kinds are found, for find(1)."""
    names = (one.files.rpartition("/")[2] for one in RECOGNISED.values() if one.files)
    return tuple(dict.fromkeys(name.replace("\\", "").rstrip("$") for name in names))
