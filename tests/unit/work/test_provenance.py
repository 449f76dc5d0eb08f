"""Which packages programs come from, as far as it is read and followed here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import OutsideError
from kedge.work.provenance import FIELD, RECORD, read_provenance, read_relations

SUM = "c" * 64


def said(*installed: str, programs: str = "", owners: str = "", known: str = "") -> str:
    """What a host would say; of an installed package: name, source, essential, provides, depends, suggests."""
    records = ""
    for one in installed:
        name, source, essential, provides, depends, suggests = one.split("/")
        fields = (name, "amd64", "1.0", "installed", essential, source, provides, "", depends, "", suggests)
        records += "".join(field + FIELD for field in fields) + RECORD
    return (
        f"=== stamp\n1\n=== architecture\namd64\n=== programs\n{programs}\n=== owners\n{owners}\n"
        f"=== installed\n{records}\n=== known\n{known}"
    )


DNS = said(
    "dash/dash/yes//libc6/",
    "libc6/glibc/no///",
    "bind9/bind9/no//bind9-libs (= 1.0), debconf | debconf-2.0, libc6:any/bind-doc, ufw",
    "bind9-libs/bind9/no///",
    "bind9-utils/bind9/no///",
    "cdebconf/cdebconf/no/debconf-2.0//",
    "ufw/ufw/no//python3/",
    "python3/python3-defaults/no///",
    "apache2/apache2/no//libc6/",
    "libmariadb3/mariadb/no//libc6/",
    "mariadb-server/mariadb/no///",
    programs="named\t/usr/sbin/named\nnamed\t/sbin/named\n/usr/lib/*/libmariadb.so.3\t/usr/lib/x/libmariadb.so.3",
    owners="diversion by dash from: /usr/sbin/named\nbind9: /usr/sbin/named\nlibmariadb3:amd64: /usr/lib/x/libmariadb.so.3",
    known=f"Package: bind9\nArchitecture: amd64\nVersion: 1.0\nSHA256: {SUM}\n\nPackage: dash\nVersion: 1.0\n",
)  # fmt: skip


def test_a_program_brings_what_it_needs_and_debian_itself() -> None:
    listed = read_provenance(DNS).list_for(["named"])
    found = {one.name for one in listed.packages}
    assert found == {"dash", "libc6", "bind9", "bind9-libs", "bind9-utils", "cdebconf", "ufw", "python3"}


def test_what_may_be_missing_comes_alone() -> None:
    found = {one.name for one in read_provenance(DNS).list_for(["-/usr/lib/*/libmariadb.so.3", "-nsd"]).packages}
    assert found == {"dash", "libc6", "libmariadb3"}


def test_what_is_not_known_is_said() -> None:
    listed = read_provenance(DNS).list_for(["named", "knotd"])
    assert listed.unknown[0] == "no package here holds knotd"
    assert "bind9-libs 1.0, bind9-utils 1.0, cdebconf 1.0 and 4 more" in listed.unknown[1]
    assert {one.name: one.sha256 for one in listed.packages if one.sha256} == {"bind9": SUM}


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("", ()),
        ("libc6 (>= 2.34), awk", (("libc6",), ("awk",))),
        ("default-mta | mail-transport-agent, perl:any", (("default-mta", "mail-transport-agent"), ("perl",))),
        ("gcc [amd64] <!nocheck>,, a|b", (("gcc",), ("a", "b"))),
    ],
)
def test_relations_are_read(field: str, names: tuple[tuple[str, ...], ...]) -> None:
    assert read_relations(field) == names


@given(st.text())
def test_no_relation_is_no_reason_to_fail(text: str) -> None:
    assert all(name for group in read_relations(text) for name in group)


@given(st.text())
def test_whatever_a_host_says_is_understood_or_refused(text: str) -> None:
    for one in (text, DNS.replace("bind9", text)):
        try:
            read_provenance(one).list_for(["named"])
        except OutsideError:
            continue
