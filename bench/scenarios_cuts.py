"""Cut sets of a whole organisation, every service, down and unrecoverable: kedge beside SCRAM, whole processes.

Before that, medians within one process, from compiled rules, with the time the generator took to compile them beside.
SCRAM knows no cycles and gets the unrolled rules (`unrolling`), with the depth that makes its answers right.
"""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.timing import find_median, measure

FOLDER = Path(".bench")
SIZES = (100, 1_000, 10_000)
MOST_ORDER = {100: 4, 1_000: 4, 10_000: 3}
RUNS = 5
CASES = {
    f"{peer} {size:,}, order {order}": argv
    for size in SIZES
    for order in (2, 3)
    if size * 10**order <= 1_000_000
    for peer, argv in {
        "kedge": [sys.executable, "-m", "bench.scenarios_cuts", f"{FOLDER}/{size}", str(order)],
        "scram": ["scram", "--bdd", "-l", str(order), f"{FOLDER}/{size}-{order}.xml", "-o", f"{FOLDER}/out.xml"],
    }.items()
    if peer == "kedge" or shutil.which("scram")
}


def prepare() -> None:
    """Write rules, targets and unrolled fault trees; print the medians of one process."""
    from kedge.scenarios.generate import organisation
    from kedge.scenarios.notation import write_rules
    from kedge.scenarios.unrolling import unrolled, write_mef

    FOLDER.mkdir(exist_ok=True)
    for size in SIZES:
        made, compile_s = taken(lambda size=size: organisation(size))
        names = "\n".join(made.rules.name(target) for target in made.targets)
        (FOLDER / f"{size}.rules").write_text(write_rules(made.rules), encoding="utf-8")
        (FOLDER / f"{size}.targets").write_text(names, encoding="utf-8")
        for order in (2, 3):
            if f"scram {size:,}, order {order}" in CASES:
                acyclic = unrolled(made.rules, made.targets, order)
                (FOLDER / f"{size}-{order}.xml").write_text(write_mef(acyclic), encoding="utf-8")
        print_medians(size, made, compile_s)
        print_peer(size, made)
    print_inventory_edit()


def print_medians(size: int, made: Any, compile_s: float) -> None:
    """One line per question: median of wall and of processor time, in milliseconds."""
    from kedge.scenarios.cuts import CutFinder, cut_sets
    from kedge.scenarios.losses import single_losses

    rules, targets = made.rules, made.targets
    print(f"{len(rules.components()):,} components, {len(rules):,} ids, {len(targets):,} targets; ", end="")
    print(f"compiled in {compile_s * 1e3:.1f} ms")
    print_line("all single losses, all nodes", lambda: single_losses(rules))
    for order in range(1, MOST_ORDER[size] + 1):
        print_line(f"order {order}, found and counted", lambda order=order: cut_sets(rules, targets, order))
        print_line(f"order {order}, listed", lambda order=order: listed(cut_sets(rules, targets, order)))
    finder = CutFinder(rules, 2)
    finder.cut_sets(targets)
    for node in ("open:hoster", "back:vault"):
        need, of = rules.gate(rules.id(node))
        edit = {rules.id(node): (need, [*of, rules.id("admin1 phone")])}
        print_line(f"order 2, after editing {node}", lambda edit=edit: finder.changed(edit).cut_sets(targets))


def print_peer(size: int, made: Any) -> None:
    """SCRAM's process on the unrolled rules beside this process on the compiled ones, and how many times as long."""
    from kedge.scenarios.cuts import cut_sets

    for order in (2, 3):
        argv = CASES.get(f"scram {size:,}, order {order}")
        if argv:
            costs = [measure(argv) for _ in range(RUNS)]
            walls = find_median([cost.wall_s for cost in costs]) * 1e3
            spent = find_median([cost.user_s + cost.system_s for cost in costs]) * 1e3
            wall, ours = medians(lambda order=order: cut_sets(made.rules, made.targets, order))
            print(f"    order {order}, SCRAM's process{'':21}{walls:10.1f} ms wall{spent:10.1f} ms processor", end="")
            print(f"  {walls / wall:.0f} and {spent / ours:.0f} times as long")


def print_inventory_edit(services: int = 60) -> None:
    """One edit to an inventory of about a thousand components: compiled anew, and every answer to order 2."""
    from datetime import UTC, datetime

    from bench.generator import write_inventory
    from kedge.inventory.compile import Compiled, compile_rules
    from kedge.scenarios.cuts import CutFinder

    file, now = FOLDER / "inventory.yaml", datetime(2026, 11, 1, tzinfo=UTC)
    text = write_inventory(services)
    wiki = next(line for line in text.splitlines() if line.startswith("  u1-wiki: "))
    edits = {
        "another host": wiki.replace("u1-host-1", "u1-host-2"),
        "one more service": f"{wiki}\n{wiki.replace('u1-wiki', 'u1-blog')}",
    }
    names = [
        f"{aspect}:{name}" for name in read_inventory_of(text, file).sections.services for aspect in ("up", "back")
    ]

    def find(finder: CutFinder) -> CutFinder:
        finder.cut_sets([finder.rules.id(name) for name in names])
        return finder

    def compiled(inventory: Any) -> Compiled:
        return compile_rules(inventory, now)

    before = read_inventory_of(text, file)
    rules = compiled(before).rules
    finder = find(CutFinder(rules, 2))
    print(f"inventory of {len(before.things):,} things, {len(rules.components()):,} components, {len(names)} targets")
    print_line("compiled", lambda: compiled(before))
    print_line("compiled, order 2 found", lambda: find(CutFinder(compiled(before).rules, 2)))
    for what, line in edits.items():
        after = read_inventory_of(text.replace(wiki, line), file)
        print_line(f"{what}: compiled, answered", lambda after=after: find(finder.renewed(compiled(after).rules)))


def read_inventory_of(text: str, file: Path) -> Any:
    """The inventory of a text, through a file."""
    from kedge.inventory.read import read_inventory

    file.write_text(text, encoding="utf-8")
    return read_inventory(file)


def listed(answers: dict[int, Any]) -> int:
    """How many sets there are, all of them written out."""
    return sum(len(answer.sets) for answer in answers.values())


def print_line(what: str, act: Callable[[], object]) -> None:
    """The medians of one act."""
    wall, cost = medians(act)
    print(f"    {what:40}{wall:10.1f} ms wall{cost:10.1f} ms processor")


def medians(act: Callable[[], object], runs: int = 9) -> tuple[float, float]:
    """Wall and processor time of one act, in milliseconds."""
    walls, costs = [], []
    for _ in range(runs):
        wall, cost = time.perf_counter(), time.process_time()
        act()
        walls.append((time.perf_counter() - wall) * 1e3)
        costs.append((time.process_time() - cost) * 1e3)
    return find_median(walls), find_median(costs)


def taken(act: Callable[[], Any]) -> tuple[Any, float]:
    """What the act gave, and how many seconds it took."""
    start = time.perf_counter()
    return act(), time.perf_counter() - start


def main(name: str, order: str) -> None:
    """Read rules and targets from files, print how many cut sets each target has."""
    from kedge.scenarios.cuts import cut_sets
    from kedge.scenarios.notation import read_rules

    rules = read_rules(Path(f"{name}.rules").read_text(encoding="utf-8"), name)
    targets = [rules.id(line) for line in Path(f"{name}.targets").read_text(encoding="utf-8").splitlines()]
    for target, answer in cut_sets(rules, targets, int(order)).items():
        print(rules.name(target), answer.counted, answer.complete)


if __name__ == "__main__":
    main(*sys.argv[1:])
