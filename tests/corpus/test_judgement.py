"""What kedge says before real outages, and of well-run organisations, does not become worse."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from kedge.inventory.read import read_inventory
from kedge.model.finding import Finding, Severity, Symptom, Text
from tests.corpus.control import Control, judge_control, list_controls
from tests.corpus.match import Match, Outcome, Said, find_place, judge_file, list_outages, read_match
from tests.corpus.table import CORPUS, FIRST_RUNS, Result, main, read_line, render, run

NOW = datetime(2022, 7, 7, 20, tzinfo=UTC)
EMPTY = Text("", "")


@pytest.fixture(scope="module")
def result() -> Result:
    """One run over the whole corpus."""
    return run()


def finding(rule: str, thing: str, *symptoms: tuple[str, str]) -> Finding:
    under = tuple(Symptom(*each) for each in symptoms)
    return Finding(rule, thing, Severity.WARNING, EMPTY, (), EMPTY, symptoms=under)


def outcome(mode: str, believed: list[Finding], measured: list[Finding] | None = None) -> Outcome:
    match = Match(NOW, mode, "spof", ["web"], {"bus-1": ["login"], "eol": "any"}, {"eol": "no"}, {"bk-none": ["db"]})
    return Outcome("x", match, Said(believed), None if measured is None else Said(measured))


@pytest.mark.parametrize("figure", ["hits", "secondary-found", "controls-quiet"])
def test_not_fewer(result: Result, figure: str) -> None:
    assert result.totals[figure] >= read_line()["line"][figure], "\n".join(render(result))


@pytest.mark.parametrize("figure", ["median-findings", "forbidden-in-outages"])
def test_not_more(result: Result, figure: str) -> None:
    assert result.totals[figure] <= read_line()["line"][figure], "\n".join(render(result))


@pytest.mark.parametrize("name", FIRST_RUNS)
def test_the_line_stands_where_the_first_run_did_or_better(name: str) -> None:
    line, first = read_line()["line"], read_line()[name]
    assert all(line[figure] >= first[figure] for figure in ("hits", "secondary-found", "controls-quiet"))


@pytest.mark.parametrize("name", FIRST_RUNS)
def test_first_run_is_kept_as_it_was(name: str) -> None:
    first = read_line()[name]
    lines = (CORPUS / f"{name}.txt").read_text("utf-8").splitlines()
    total = next(line for line in lines if line.startswith("Totals: "))
    assert total.startswith(f"Totals: {first['hits']} of {first['outages']} hit, {first['secondary-found']} of ")
    assert f"median {first['median-findings']} findings" in total
    assert total.endswith(f"{first['controls-quiet']} of {first['controls']} controls quiet")


def test_every_outage_and_control_is_in_the_run(result: Result) -> None:
    assert [each.name for each in result.outcomes] == sorted(path.parent.name for path in CORPUS.glob("*/kedge.yaml"))
    folders = (CORPUS / "controls").glob("*/kedge.yaml")
    assert [each.name for each in result.controls] == sorted(path.parent.name for path in folders)


@pytest.mark.parametrize("folder", list_outages(CORPUS), ids=lambda folder: folder.name)
def test_match_names_what_is_there(folder: Path) -> None:
    match, things = read_match(folder), read_inventory(folder / "kedge.yaml").things
    assert match.now.tzinfo
    assert match.mode in {"B", "E", "T", "P"}
    assert match.mode != "T" or (folder / "evidence.true.yaml").exists()
    assert set(match.unsupported) <= set(match.secondary)
    for each in (match.things, *match.secondary.values(), *match.quiet.values()):
        assert each
        assert each == "any" or set(each) <= set(things)


@pytest.mark.parametrize("folder", list_controls(CORPUS), ids=lambda folder: folder.name)
def test_control_says_what_tempts(folder: Path) -> None:
    head = "".join(
        line.removeprefix("#").strip() + " "
        for line in (folder / "kedge.yaml").read_text("utf-8").split("\nversion:")[0].splitlines()
    )
    for sentences in yaml.safe_load((folder / "quiet.yaml").read_text("utf-8"))["quiet"].values():
        assert all(sentence in head for sentence in sentences.split("; "))


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([finding("spof", "web")], "1"),
        ([finding("spof", "other"), finding("spof", "web")], "2"),
        ([finding("bus-1", "web", ("spof", "web"))], "1s"),
        ([finding("bus-1", "web"), finding("spof", "other", ("spof", "db"))], "None"),
        ([], "None"),
    ],
)
def test_place(findings: list[Finding], expected: str) -> None:
    assert str(find_place(findings, "spof", ["web"])) == expected


def test_only_the_first_three_count() -> None:
    others = [finding("eol", f"x{n}") for n in range(3)]
    assert outcome("B", [*others[:2], finding("spof", "web")]).is_hit
    assert not outcome("B", [*others, finding("spof", "web")]).is_hit


def test_what_was_true_counts_in_mode_t_only_and_only_after_a_doubt() -> None:
    true, doubt = [finding("spof", "web")], [finding("unverified", "web")]
    assert outcome("T", doubt, true).is_hit
    assert not outcome("T", [], true).is_hit
    assert not outcome("T", [*true, *doubt], []).is_hit
    assert not outcome("B", doubt, true).is_hit


def test_secondary_classes() -> None:
    one = outcome("B", [finding("bus-1", "other"), finding("eol", "web")])
    assert (one.supported, one.found, one.astray) == (("bus-1",), (), ("bus-1",))
    assert outcome("B", [finding("spof", "web", ("bus-1", "login"))]).found == ("bus-1",)


def test_forbidden_things() -> None:
    assert outcome("B", [finding("bk-none", "db")]).false == ("bk-none",)
    assert outcome("B", [finding("bk-none", "web")]).false == ()


@pytest.mark.parametrize(
    ("said", "is_quiet"),
    [
        (Said(), True),
        (Said([finding("spof", "web")]), True),
        (Said([finding("bus-1", "web")]), False),
        (Said([finding("spof", "web", ("bus-1", "login"))]), False),
        (Said([finding("spof", f"x{n}") for n in range(8)]), False),
        (Said(failure="cannot be read"), False),
    ],
)
def test_quiet(said: Said, is_quiet: bool) -> None:
    assert Control("x", ("bus-1",), said).is_quiet is is_quiet


def test_an_inventory_that_cannot_be_read_is_a_result(tmp_path: Path) -> None:
    (tmp_path / "kedge.yaml").write_text("version: 1\nnonsense: x\n")
    assert judge_file(tmp_path / "kedge.yaml", NOW).failure.startswith("cannot be read: kedge.yaml:2:")


def test_control_is_judged_at_the_moment_beside_it(tmp_path: Path) -> None:
    shutil.copytree(CORPUS / "controls/chess-club", tmp_path / "chess-club")
    (tmp_path / "now.txt").write_text("2026-03-02T12:00:00Z\n")
    assert not find_place(judge_control(tmp_path / "chess-club").findings, "bk-untested", "any")
    (tmp_path / "now.txt").write_text("2030-03-02T12:00:00Z\n")
    assert find_place(judge_control(tmp_path / "chess-club").findings, "bk-untested", "any")


def test_other_words_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--yaml"]) == 2
    assert capsys.readouterr().err == "usage: script/corpus [--json]\n"
