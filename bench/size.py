"""What `kedge check` costs for 1,000 services and 10,000 things, beside an empty Python."""

from pathlib import Path

INVENTORY = Path(".bench/inventory.yaml")
RUNS = 5
CASES = {
    "python -c pass": [".venv/bin/python", "-c", "pass"],
    "kedge check (10,000)": [".venv/bin/kedge", "check", str(INVENTORY), "--now", "2030-01-01T00:00:00Z"],
}
CODES = {"kedge check (10,000)": 1}


def prepare() -> None:
    """Write the inventory."""
    from bench.generator import write_inventory

    INVENTORY.parent.mkdir(exist_ok=True)
    INVENTORY.write_text(write_inventory(1000), encoding="utf-8")
