"""What a loss does: up, back, told and open, in every mode, on inventories small enough to check by hand."""

from __future__ import annotations

import pytest

from kedge.inventory.nodes import read_loss
from tests.unit.rules.conftest import CaseOf

CLUB = """
    people:
      anna: {channels: sms anna}
      ben: {channels: mail ben@club.example}
    providers:
      hoster: {sells: web1, notices-to: mail ben@club.example}
      other: {sells: vault}
    accounts:
      panel: {opens: hoster, held-by: [anna, ben], can-delete: [web1, copies]}
    hosts:
      web1: {login: ssh web1}
      vault: {login: ssh vault}
    stores:
      copies: {on: vault}
    documents:
      book: {covers: [wiki, mail], kept: paper}
    services:
      wiki: {kind: mediawiki, host: web1, people: [anna, ben], save: copies}
      mail: {kind: postfix, host: web1, domains: club.example, people: [anna, ben], save: none}
    """


@pytest.mark.parametrize(
    ("loss", "down", "unrecoverable", "unnoticed"),
    [
        ("web1", "wiki mail", "mail", ""),
        ("web1:emptied", "wiki mail", "mail", ""),
        ("web1:withdrawn", "wiki mail", "mail", ""),
        ("hoster", "wiki mail", "wiki mail", ""),
        ("hoster:withdrawn", "wiki mail", "wiki mail", ""),
        ("panel:misused", "wiki mail", "wiki mail", ""),
        ("wiki", "wiki", "", ""),
        ("wiki:emptied", "wiki", "", ""),
        ("mail:emptied", "mail", "mail", ""),
        ("vault", "", "", ""),
        ("anna", "", "", ""),
        ("book", "", "", ""),
    ],
)
def test_single_losses(case_of: CaseOf, loss: str, down: str, unrecoverable: str, unnoticed: str) -> None:
    toll = case_of(CLUB).toll(read_loss(loss))
    assert (toll.down, toll.unrecoverable, toll.unnoticed) == tuple(
        tuple(names.split()) for names in (down, unrecoverable, unnoticed)
    )


def test_two_losses_at_once_cost_more_than_each(case_of: CaseOf) -> None:
    case = case_of(CLUB)
    both = case.toll(read_loss("web1"), read_loss("vault"))
    assert set(both.unrecoverable) == {"wiki", "mail"}


def test_without_a_channel_outside_nobody_learns_of_it(case_of: CaseOf) -> None:
    case = case_of(CLUB.replace("sms anna", "mail anna@club.example"))
    assert set(case.toll(read_loss("web1")).unnoticed) == {"wiki", "mail"}
    assert case.toll(read_loss("wiki")).unnoticed == ()


def test_told_is_true_in_the_greatest_and_false_in_the_least_reading(case_of: CaseOf) -> None:
    case = case_of(CLUB.replace("sms anna", "mail anna@club.example"))
    truth = case.solve([read_loss("web1")])
    told = case.compiled.node("told", "mail")
    assert (truth.greatest[told], truth.least[told]) == (1, 0)


def test_somebody_who_left_does_not_count(case_of: CaseOf) -> None:
    case = case_of(CLUB.replace("{channels: sms anna}", "{channels: sms anna, left: 2026-01-01}"))
    assert set(case.toll(read_loss("web1")).unnoticed) == {"wiki", "mail"}


def test_a_mirror_repeats_a_deletion(case_of: CaseOf) -> None:
    mirrored = CLUB.replace("{on: vault}", "{on: vault, follows: wiki}")
    assert case_of(mirrored).toll(read_loss("wiki:emptied")).unrecoverable == ("wiki",)
    assert case_of(mirrored).toll(read_loss("web1")).unrecoverable == ("mail",)


def test_append_only_copies_survive_a_misused_account(case_of: CaseOf) -> None:
    kept = CLUB.replace("can-delete: [web1, copies]", "can-delete: web1").replace(
        "{on: vault}", "{on: vault, deletable-by: panel, append-only: yes}"
    )
    assert case_of(kept).toll(read_loss("panel:misused")).unrecoverable == ("mail",)
    lax = kept.replace(", append-only: yes", "")
    assert set(case_of(lax).toll(read_loss("panel:misused")).unrecoverable) == {"wiki", "mail"}


def test_a_spare_counts_only_with_room(case_of: CaseOf) -> None:
    own = CLUB.replace("hoster: {sells: web1,", "hoster: {sells: [],")
    bare = own.replace("web1: {login: ssh web1}", "web1: {login: ssh web1, provider: hoster}")
    spare = bare.replace("vault: {login: ssh vault}", "vault: {login: ssh vault, room: 50 GB}")
    small = spare.replace("save: copies}", "save: copies, restore: {size: 80 GB}}")
    lost = [read_loss("hoster")]
    assert "wiki" in case_of(bare).toll(*lost).unrecoverable
    assert "wiki" not in case_of(spare).toll(*lost).unrecoverable
    assert "wiki" in case_of(small).toll(*lost).unrecoverable


def test_services_that_need_each_other_keep_running(case_of: CaseOf) -> None:
    text = """
        hosts: {a: {login: ssh a}, b: {login: ssh b}}
        services:
          left: {kind: other, host: a, needs: right}
          right: {kind: other, host: b, needs: left}
        """
    case = case_of(text)
    assert case.toll_of(case.solve([])).down == ()
    assert set(case.toll(read_loss("a")).down) == {"left", "right"}


def test_a_cluster_survives_while_enough_hosts_run(case_of: CaseOf) -> None:
    text = """
        hosts: {a: {login: x}, b: {login: x}, c: {login: x}}
        services:
          db: {kind: mariadb, host: [a, b, c], at-least: 2}
        """
    case = case_of(text)
    assert case.toll(read_loss("a")).down == ()
    assert case.toll(read_loss("a"), read_loss("b")).down == ("db",)


def test_any_of_two_needs_is_enough(case_of: CaseOf) -> None:
    text = """
        hosts: {a: {login: x}, b: {login: x}}
        services:
          one: {kind: other, host: a}
          two: {kind: other, host: b}
          site: {kind: other, needs: {run: [{any: [one, two]}]}}
        """
    case = case_of(text)
    assert case.toll(read_loss("a")).down == ("one",)
    assert case.toll(read_loss("a"), read_loss("b")).down == ("one", "two", "site")


def test_what_is_up_is_told_of_through_a_provider_too(case_of: CaseOf) -> None:
    text = """
        people: {ben: {channels: []}}
        providers: {hoster: {sells: web1, notices-to: board}}
        channels: {board: {to: mail board@elsewhere.example, readers: ben}}
        hosts: {web1: {login: x}}
        services: {wiki: {kind: other, host: web1, people: ben}}
        """
    case = case_of(text)
    assert case.toll(read_loss("web1")).unnoticed == ()
    assert case.toll(read_loss("web1"), read_loss("board")).unnoticed == ("wiki",)


def test_an_account_opens_by_its_holder_or_its_reset(case_of: CaseOf) -> None:
    text = """
        people: {ben: {channels: sms ben}, eve: {channels: mail eve@elsewhere.example}}
        channels: {reset: {to: mail it@elsewhere.example, readers: eve}}
        secrets: {token: {kept: drawer}}
        hosts: {drawer: {login: x}}
        accounts: {panel: {held-by: ben, factors: token, reset-by: reset}}
        """
    case = case_of(text)
    panel = case.compiled.node("open", "panel")

    def is_open(*losses: str) -> bool:
        return bool(case.solve(map(read_loss, losses)).least[panel])

    assert is_open()
    assert is_open("ben")
    assert is_open("drawer")
    assert not is_open("ben", "eve")
    assert not is_open("drawer", "reset")
    assert not is_open("panel:withdrawn")
