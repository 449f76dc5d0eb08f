"""Lists of Debian packages: written, read and merged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import OutsideError
from kedge.model.package import Package, PackageList, compare, merge, read_packages

names = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,20}", fullmatch=True)
versions = st.from_regex(r"([0-9]:)?[0-9][A-Za-z0-9.+~]{0,8}(-[A-Za-z0-9.+~]{1,6})?", fullmatch=True)
sums = st.one_of(st.just(""), st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
packages = st.builds(Package, names, versions, st.sampled_from(["amd64", "all"]), sums)
remarks = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
SUM = "a" * 64


@given(st.lists(packages), st.lists(remarks))
def test_what_is_written_is_read(found: list[Package], unknown: list[str]) -> None:
    listed = PackageList(tuple(sorted(set(found))), tuple(unknown))
    assert read_packages(listed.write("wiki")) == listed


@given(st.text())
def test_any_other_text_is_refused_or_leads_nowhere(text: str) -> None:
    try:
        listed = read_packages(text)
    except OutsideError:
        return
    assert not [one for one in listed.packages if "/" in one.file or one.file.startswith((".", "-"))]


@pytest.mark.parametrize("line", [f"../evil 1.0 amd64 {SUM}", f"a 1/../../b amd64 {SUM}", f"--help 1 amd64 {SUM}"])
def test_a_line_that_would_leave_its_folder_is_named(line: str) -> None:
    with pytest.raises(OutsideError, match="line 2"):
        read_packages(f"# a list\n{line}\n")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0", "1.1"),
        ("1.9", "1.10"),
        ("1.0~rc1", "1.0"),
        ("1.0", "1.0-1"),
        ("9.9", "1:0.1"),
        ("1.0-1", "1.0-1+deb12u1"),
        ("1.0a", "1.0+b"),
        ("5.2.15-2+b8", "5.2.15-2+b13"),
    ],
)
def test_versions_have_an_order(older: str, newer: str) -> None:
    assert (compare(older, newer), compare(newer, older), compare(older, older)) == (-1, 1, 0)


@given(versions, versions, versions)
def test_the_order_is_one(one: str, two: str, three: str) -> None:
    assert compare(one, two) == -compare(two, one)
    if compare(one, two) <= 0 and compare(two, three) <= 0:
        assert compare(one, three) <= 0


def test_of_two_hosts_the_newer_version_is_taken() -> None:
    old, new = Package("libc6", "2.36-9", "amd64", SUM), Package("libc6", "2.36-10", "amd64", SUM)
    both = merge([PackageList((old,), ("one",)), PackageList((new,), ("one", "two"))])
    assert both == PackageList((new,), ("one", "two"))


def test_a_digest_changes_with_any_package() -> None:
    one, other = Package("a1", "1", "all", SUM), Package("a1", "1", "all", "b" * 64)
    assert PackageList((one,)).digest != PackageList((other,)).digest
