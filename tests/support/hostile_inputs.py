"""Hypothesis strategies of hostile inputs: values of wrong types and sizes, injections, mutations of valid texts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

INJECTIONS = (
    "$(touch /tmp/x)", "`id`", "; rm -rf ~", "' OR '1'='1", "../../../etc/passwd", "{{7*7}}", "${AWS_SECRET_KEY}",
    "%s%n%x", "\x00", "a\x00b", "a\r\nX-Header: y", "line\nother: line", "\u202egnp.exe", "\ufeff", "\u017fystem",
    "\x1b[31mred\x1b[0m", "system:masters\u200b", "<script>alert(1)</script>", "!!python/object/apply:os.system ['id']",
    "*", "**", "?", "[", "(.*", "\\", '"', "'", "null", "~", "true", "0x7f", "1e400", "-", ":", "/", "//", " ", "\t",
)  # fmt: skip

_NESTED: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3),
    max_leaves=8,
)


def _deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


def mutated(text: str) -> st.SearchStrategy[str]:
    """Return texts that differ from `text` by a few characters, such as inserted controls, or by a part."""
    position = st.integers(0, len(text))
    junk = st.sampled_from(INJECTIONS) | st.text(min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda at, new: text[:at] + new + text[at:], position, junk),
        st.builds(lambda at, new: text[:at] + new + text[at + 1 :], position, junk),
        st.builds(lambda start, end: text[min(start, end) : max(start, end)], position, position),
        st.builds(lambda at: text[:at] + text[at:].swapcase(), position),
        st.builds(lambda times: text * times, st.integers(2, 20)),
    )


def hostile(valid: Any) -> st.SearchStrategy[Any]:
    """Return values for an input whose valid value is `valid`: most break its rules, a few do not."""
    others: st.SearchStrategy[Any] = st.one_of(
        st.sampled_from(INJECTIONS),
        st.text(max_size=40),
        st.builds(lambda character, count: character * count, st.characters(), st.sampled_from([300, 5_000])),
        st.sampled_from([None, True, 0, -1, 1 << 80, float("nan"), float("inf"), [], {}, [None], {"": ""}, {"x": {}}]),
        st.builds(_deep, st.sampled_from([50, 500])),
        _NESTED,
    )
    return st.one_of(mutated(valid), others) if isinstance(valid, str) else others
