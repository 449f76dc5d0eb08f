"""Facts and runs to try, fixed and by Hypothesis."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from kedge.evidence.span import Look
from kedge.model.facts import Fact
from kedge.model.observation import Observation, Status
from kedge.model.ports import Run, Step

NIGHT = datetime(2007, 1, 6, 19, 0, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC) | zones)
lives = st.none() | st.timedeltas(timedelta(days=-(10**8)), timedelta(days=10**8))
sources = st.sampled_from(["observed", "counted", "drilled", "attested", "imported"])
facts = st.builds(Fact, texts, texts, texts, moments, sources, texts, texts, texts, lives)

steps = st.builds(
    Step,
    st.just(1),
    texts,
    st.sampled_from(["waiting", "doing", "done", "undoing", "undone", "failed", "unclear"]),
    texts,
    st.none() | moments,
    st.none() | moments,
)
runs = st.builds(
    Run,
    texts,
    texts,
    texts,
    texts,
    st.integers(0, 2**22),
    moments,
    st.sampled_from(["running", "stopped", "done", "failed", "rolled-back"]),
    st.none() | moments,
    st.just(()) | st.tuples(steps),
)

took = st.timedeltas(timedelta(0), timedelta(days=1))
seen = st.builds(
    Observation, st.sampled_from(Status), texts, st.dictionaries(st.text(max_size=5), st.text(max_size=9)), took
)
looks = st.builds(Look, texts, texts, texts, moments, seen)


def fact(number: int = 0, thing: str = "wiki", what: str = "backup") -> Fact:
    return Fact(thing, what, str(number), NIGHT + timedelta(seconds=number), "observed", "anna", "looked", "home")


RUN = Run(
    "drill-wiki-1",
    '{"drill": "wiki", "steps": ["fetch", "restore"]}',
    "0.1.0",
    "watch.example.org",
    4711,
    NIGHT,
    steps=(Step(1, "fetch"), Step(2, "restore")),
)
