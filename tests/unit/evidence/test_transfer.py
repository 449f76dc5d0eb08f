import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import EvidenceError
from kedge.evidence.transfer import read_lines

FIRST, LAST = '{"kedge-evidence": 1, "kedge": "0.1.0"}', '{"end": 1}'
FACT = '{"fact": {"thing": "wiki", "what": "backup", "value": "ok", "at": "2007-01-05T20:00:00Z"}}'


def test_a_whole_export_is_read() -> None:
    (line,) = read_lines([FIRST, FACT, LAST])
    assert line.fact
    assert line.fact.thing == "wiki"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "empty"),
        ([FACT, LAST], "line 1 "),
        ([FIRST, FACT], "not complete"),
        ([FIRST, FACT, FACT, LAST], "not complete"),
        ([FIRST, FACT[:40], LAST], "line 2 "),
        ([FIRST, "{}", LAST], "line 2 "),
        ([FIRST, FACT.replace('"value"', '"walue"'), LAST], "line 2 "),
        ([FIRST, FACT.replace("backup", 'x", "extra": "y'), LAST], "extra"),
        ([FIRST.replace("1,", "3,").replace("0.1.0", "7.8"), FACT, LAST], "format 3"),
    ],
)
def test_what_is_wrong_is_named(lines: list[str], said: str) -> None:
    with pytest.raises(EvidenceError, match=said) as error:
        read_lines(lines)
    assert error.value.hint


def test_a_newer_format_says_which_kedge_can_read_it() -> None:
    with pytest.raises(EvidenceError) as error:
        read_lines([FIRST.replace("1,", "3,").replace("0.1.0", "7.8"), LAST])
    assert "kedge 7.8" in error.value.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["fact", "run", "at", "end"]), inner),
    max_leaves=8,
)


@given(st.lists(st.text() | JSON.map(json.dumps), max_size=3), st.booleans())
def test_no_lines_crash_it(body: list[str], framed: bool) -> None:
    lines = [FIRST, *body, json.dumps({"end": len([line for line in body if line.strip()])})] if framed else body
    with suppress(EvidenceError):
        read_lines(lines)
