"""The documentation is complete and reachable: what is registered has a page, what is linked exists."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import yaml

from kedge.cli.docs import PAGES, render
from kedge.kinds.registry import KINDS
from kedge.model.inventory import Sections

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ENTRANCES = (ROOT / "README.md", DOCS / "README.md")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

WORDS = (
    "inventory", "thing", "service", "kind", "instance", "need", "loss", "way", "circle", "probe", "observation",
    "part", "census", "snapshot", "store", "drill", "move", "rescue", "run", "plan", "step", "finding", "severity",
    "cause", "promise", "rule", "evidence", "fact", "database", "level", "vantage", "channel", "incident",
)  # fmt: skip


def list_registered(module: str, name: str) -> list[str]:
    """The keys of a mapping in a module; empty where the module does not exist."""
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        return []
    return sorted(getattr(import_module(module), name)) if found else []


def list_commands() -> Iterator[str]:
    """The words after `kedge`, one entry per command, groups included."""
    module = import_module("kedge.cli.main")
    for group in {id(value): value for value in vars(module).values() if isinstance(value, click.Group)}.values():
        yield from walk_commands(group, ())


def walk_commands(group: click.Group, prefix: tuple[str, ...]) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield " ".join((*prefix, name))
        if isinstance(command, click.Group):
            yield from walk_commands(command, (*prefix, name))


def read_prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def list_links(page: Path) -> list[str]:
    """The targets of all links of a page that stay inside the project."""
    return [link for link in LINK.findall(read_prose(page)) if not re.match(r"[a-z]+:", link)]


def resolve(page: Path, link: str) -> Path:
    path = link.partition("#")[0]
    return (page.parent / path).resolve() if path else page


def list_anchors(page: Path) -> set[str]:
    """The anchors a page's headings get from the usual renderers."""
    headings = re.findall(r"^#+ +(.+?) *$", read_prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def list_pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def name_page(page: Path) -> str:
    return str(page.relative_to(ROOT))


def expect_pages() -> Iterable[str]:
    yield from ("README.md", "quickstart.md", "install.md", "editors.md", "dependencies.md", "contributing.md")
    yield "glossary.md"
    if not list_registered("kedge.cli.docs", "PAGES"):  # what writes the rest
        return
    yield from (f"kinds/{kind}.md" for kind in list_registered("kedge.kinds.registry", "KINDS"))
    yield from (f"rules/{rule}.md" for rule in list_registered("kedge.rules.registry", "RULES"))


@pytest.mark.parametrize("page", list(expect_pages()))
def test_has_a_page_for_everything_registered(page: str) -> None:
    assert (DOCS / page).is_file(), f"docs/{page} is missing; script/docs writes what comes from code"
    assert len(read_prose(DOCS / page).split()) > 20, f"docs/{page} says nothing"


@pytest.mark.parametrize("page", list_registered("kedge.cli.docs", "PAGES"))
def test_committed_page_is_what_the_code_generates(page: str) -> None:
    assert (DOCS / page).read_text("utf-8") == render(page), "run script/docs and commit what changes"


def test_no_generated_page_is_left_over() -> None:
    there = {str(page.relative_to(DOCS)) for folder in ("rules", "kinds") for page in (DOCS / folder).glob("*.md")}
    assert there - set(PAGES) == set()


def test_reference_mentions_every_command() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("reference/**/*.md")))
    missing = [command for command in list_commands() if not re.search(rf"\bkedge {re.escape(command)}\b", text)]
    assert missing == []


@pytest.mark.parametrize("word", WORDS)
def test_glossary_defines(word: str) -> None:
    rows = dict(re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|$", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE))
    assert len(rows.get(word, "").split()) > 3


def test_dependencies_have_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"].get("optional-dependencies", {})
    groups = (project["project"]["dependencies"], *extras.values(), *project["dependency-groups"].values())
    text = (DOCS / "dependencies.md").read_text("utf-8")
    reasons = dict(re.findall(r"^\| `(.+?)` \| (.+?) \|", text, re.MULTILINE))
    names = {re.split(r"[^\w.-]", requirement)[0] for group in groups for requirement in group}
    assert names - {name for name, reason in reasons.items() if len(reason.split()) > 3} == set()


@pytest.mark.parametrize("page", list_pages(), ids=name_page)
def test_links_resolve(page: Path) -> None:
    broken = [link for link in list_links(page) if not resolve(page, link).exists()]
    lost = [
        link
        for link in list_links(page)
        if "#" in link
        and (target := resolve(page, link)).suffix == ".md"
        and target.exists()
        and link.partition("#")[2] not in list_anchors(target)
    ]
    assert broken + lost == []


def test_no_page_is_orphaned() -> None:
    seen: set[Path] = set()
    waiting = [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        waiting.extend(resolve(page, link) for link in list_links(page))
    assert [name_page(page) for page in sorted(DOCS.rglob("*.md")) if page not in seen] == []


def test_scripts_named_in_the_documentation_exist() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in list_pages())
    named = set(re.findall(r"(?<![\w./])\.?/?(script/[a-z][\w.-]*\w)", text))
    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert named


def list_inventories() -> list[object]:
    """Every inventory shown in the documentation, under its page's name."""
    return [
        pytest.param(block, id=f"{name_page(page)}:{number}")
        for page in list_pages()
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S))
        if re.search(r"^organisation:", block, re.MULTILINE)
    ]


@pytest.mark.parametrize("block", list_inventories())
def test_inventories_shown_are_valid(block: str) -> None:
    shown = yaml.load(block, Loader=yaml.CBaseLoader)
    services = {
        name: KINDS[value["kind"]].model_validate({key: value[key] for key in value if key != "kind"})
        for name, value in shown["services"].items()
    }
    assert Sections.model_validate({**shown, "services": services}).services


def test_readme_shows_about_thirty_lines() -> None:
    block = re.search(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block
    assert len(block[1].splitlines()) <= 30
