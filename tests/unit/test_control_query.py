"""A query selects samples, and runs nothing."""

import os

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stat3act.control_query import is_control

SHEET = pd.DataFrame(
    {"sample": list("ABCD"), "treatment": ["Mock", "mock", "IL6", "Mock 2"], "time h": ["3", "6", "3", "12"]}
)


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("treatment == 'Mock'", "A"),
        ("treatment != 'IL6' and `time h` == '3'", "A"),
        ("(treatment == 'Mock') | ~(`time h` == '3')", "ABD"),
        ("treatment in ['Mock', 'mock'] or sample == 'D'", "ABD"),
        ("not treatment == 'IL6'", "ABD"),
        ("treatment.str.lower().str.startswith('mock')", "ABD"),
        ("treatment.str.contains('o.k', regex=True)", "ABD"),
        ("sample.isin(['B', 'C'])", "BC"),
    ],
)
def test_what_a_query_may_say(query, chosen):
    assert "".join(SHEET.loc[is_control(SHEET, query), "sample"]) == chosen


def attacks(target):
    command = f"mkdir {target}"
    return [
        f"@pd.io.common.os.system('{command}') == sample",
        f"sample.replace('A', '{command}').map(@pd.io.common.os.system) == 0",
        f"sample.to_csv('{target}') == sample",
        f"sample.__class__.__init__.__globals__['__builtins__']['eval'](\"__import__('os').mkdir('{target}')\") == 0",
        f"__import__('os').system('{command}') == 0",
        f"[os.mkdir('{target}') for os in sample] == 0",
        f"(lambda: sample.to_csv('{target}'))() == 0",
        f"`time h`.to_pickle('{target}') == 0",
    ]


@pytest.mark.parametrize("number", range(8))
def test_a_query_that_would_run_something_is_refused(tmp_path, number):
    target = tmp_path / "sprung"
    attack = attacks(target)[number]
    with pytest.raises(ValueError, match=r"only|call a function|cannot be read"):
        is_control(SHEET, attack)
    assert not target.exists()


def test_the_attack_is_one(tmp_path):
    # What pandas does with it, were it asked; the oracle of the test above.
    target = tmp_path / "sprung"
    SHEET.eval(attacks(target)[1].replace("@pd.io.common.", "@"), engine="python", local_dict={"os": os})
    assert target.exists()


@given(st.text(alphabet="treatmn'\"=()@._[]&|~ `\\0\n#", max_size=30))
@example("(" * 500)
@example("\0")
def test_any_text_is_answered_or_refused(query):
    try:
        answer = is_control(SHEET, query)
    except ValueError:
        return
    assert list(answer.index) == list(SHEET.index) and answer.dtype == bool
