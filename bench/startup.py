"""What one call of kedge costs, beside an empty Python. The first case is the measure of the others."""

CASES = {
    "python -c pass": [".venv/bin/python", "-c", "pass"],
    "kedge --help": [".venv/bin/kedge", "--help"],
    "kedge check (2007)": [
        ".venv/bin/kedge",
        "check",
        "examples/piratenpartei-2007/2007-01-05",
        "--now",
        "2007-01-05T20:00:00Z",
    ],
}
CODES = {"kedge check (2007)": 1}
