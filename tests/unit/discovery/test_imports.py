"""Files that describe something already: what they tell, and what of them was not understood."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.app.beginning import check_text
from kedge.discovery.composing import compose
from kedge.discovery.imports import read_import
from kedge.discovery.world import World
from kedge.model.inventory import Inventory

INI = """\
# the machines
[web]
web1 ansible_host=192.0.2.10 ansible_user=root
web2.example.org ansible_port=2222

[db]
db[01:03].example.org
-oProxyCommand=id ansible_user=x
[db:vars]
ansible_user=root
"""
YAML = """\
all:
  children:
    web: {hosts: {web1: {ansible_host: 192.0.2.10, ansible_user: "$(id)"}, web1.example.org: }}
    empty:
"""
GATUS = """\
endpoints:
  - {name: wiki, group: core, url: "https://wiki.example.org/", interval: 1m, conditions: ["[STATUS] == 200"]}
  - {name: mail, url: "starttls://mail.example.org:25"}
  - {name: secret, url: "https://user:word@x.example.org/"}
"""
ZONE = """\
$ORIGIN example.org.
$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 3600
@ NS ns1
@ NS ns.elsewhere.example.
@ MX 10 mail
ns1 A 192.0.2.53
mail A 192.0.2.20
_xmpp-client._tcp SRV 0 5 5222 mail
* A 192.0.2.99
"""
TABLE = """\
name,status,role,primary_ip4,platform,asset tag
web1,Active,Server,192.0.2.10/24,Debian 12,A-1
"web 2; rm -rf /",Active,Server,not an address,,
"""


def drawn(path: str, text: str) -> tuple[Inventory, str]:
    told = read_import(path, text)
    text = compose("club", date(2026, 11, 22), World(), imports={path: told}).sketch.to_text()
    return check_text(text), text


def test_an_ansible_inventory_in_ini() -> None:
    inventory, text = drawn("hosts.ini", INI)
    logins = {name: host.login for name, host in inventory.sections.hosts.items()}
    assert logins == {"web1": "ssh root@192.0.2.10", "web2": "ssh -p 2222 web2.example.org"}
    assert "the range db[01:03].example.org" in text
    assert "the host -oProxyCommand=id" in text


def test_an_ansible_inventory_in_yaml() -> None:
    inventory, _ = drawn("hosts.yml", YAML)
    assert {name: host.login for name, host in inventory.sections.hosts.items()} == {
        "web1": "ssh 192.0.2.10",
        "web1-2": "ssh web1.example.org",
    }


def test_a_gatus_configuration() -> None:
    inventory, text = drawn("gatus.yaml", GATUS)
    assert {name: getattr(one, "url", "") for name, one in inventory.sections.services.items()} == {
        "wiki": "https://wiki.example.org/"
    }
    assert "the endpoint mail: starttls://mail.example.org:25" in text


def test_a_zone_file() -> None:
    inventory, _ = drawn("zones/db.example.org", ZONE)
    domain = inventory.sections.domains["example.org"]
    assert domain.zone["@"] == ("MX 10 mail.example.org.", "NS ns.elsewhere.example.", "NS ns1.example.org.")
    assert domain.zone["_xmpp-client._tcp"] == ("SRV 0 5 5222 mail.example.org.",)


def test_a_table_as_netbox_exports_it() -> None:
    inventory, text = drawn("devices.csv", TABLE)
    hosts = inventory.sections.hosts
    assert hosts["web1"].address == ("192.0.2.10",)
    assert hosts["web1"].system == "Debian 12"
    assert set(hosts) == {"web1", "web-2-rm-rf"}
    assert "the columns asset tag" in text


@pytest.mark.parametrize("name", ["a.csv", "a.ini", "a.yaml", "a.zone", "hosts", "a"])
@settings(max_examples=30)
@given(text=st.text(max_size=300) | st.sampled_from([INI, YAML, GATUS, ZONE, TABLE]))
def test_any_text_is_read_or_listed(name: str, text: str) -> None:
    drawn(name, text)


def test_a_zone_that_includes_a_file_is_refused() -> None:
    told = read_import("db.example.org", "$INCLUDE /etc/passwd\n@ A 192.0.2.1\n")
    assert told.domains == []
    assert told.not_understood
