"""The 40 coherent Aralia fault trees, order 2 and 3, every count checked: one kedge process beside 39 of SCRAM.

SCRAM refuses nus9601, where a gate names an event twice.

The trees are not part of the project: KEDGE_SHARED/bench/aralia holds them, or there is nothing to run.
"""

import csv
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ.get("KEDGE_SHARED", "../shared")) / "bench" / "aralia"
COLUMNS = {"2": "order<=2", "3": "order<=3"}
RUNS = 3
CASES = {
    f"{peer}, order {order}": [sys.executable, "-m", "bench.scenarios_aralia", peer, order]
    for order in COLUMNS
    for peer in ("kedge", "scram")
    if (FOLDER / "expected.csv").exists() and (peer == "kedge" or shutil.which("scram"))
}


def rows() -> list[dict[str, str]]:
    """The coherent trees."""
    with (FOLDER / "expected.csv").open(encoding="utf-8") as table:
        return [row for row in csv.DictReader(table) if row["coherent"] == "yes"]


def prepare() -> None:
    """Print the time of every tree within one process, the slowest first."""
    for order in COLUMNS if CASES else ():
        taken = sorted(
            ((count(row["model"], order, row[COLUMNS[order]]), row["model"]) for row in rows()), reverse=True
        )
        slowest = ", ".join(f"{name} {seconds * 1e3:.0f}" for seconds, name in taken[:6])
        print(f"order {order}: {sum(seconds for seconds, _ in taken):.2f} s for all, reading excluded; ms: {slowest}")


def count(model: str, order: str, expected: str) -> float:
    """Seconds for one tree from compiled rules; the count has to be right."""
    from kedge.scenarios.cuts import cut_sets
    from kedge.scenarios.mef import read_mef

    tree = read_mef((FOLDER / f"{model}.xml").read_bytes(), model)
    start = time.perf_counter()
    answer = cut_sets(tree.rules, tree.tops, int(order))[tree.tops[0]]
    seconds = time.perf_counter() - start
    if str(answer.counted) != expected:
        raise SystemExit(f"bench: {model} has {answer.counted} cut sets to order {order}, expected {expected}")
    return seconds


def main(peer: str, order: str) -> None:
    """All trees, by kedge in this process or by one SCRAM each."""
    for row in rows():
        if peer == "kedge":
            count(row["model"], order, row[COLUMNS[order]])
        elif row["model"] != "nus9601":
            file = str(FOLDER / f"{row['model']}.xml")
            subprocess.run(["scram", "--bdd", "-l", order, file], check=True, capture_output=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
