"""Codes instead of names: complete, kept, and saying nothing of the names they stand for."""

import io
import random
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stat3act.report.code_names import (
    COLUMNS,
    CodeNames,
    assign_codes,
    coded,
    coded_rows,
    names_in,
    naming_problems,
    read_code_names,
    secret_of,
)
from stat3act.tables import read_text_table, write_table
from unit.report_example import config, provenance, sheet, texts

SECRET = bytes(range(64))
NAMES = st.lists(st.text(alphabet="ABPS019_.-", min_size=1, max_size=6), min_size=1, max_size=40)


def by_kind(table, kind):
    return dict(table.loc[table["kind"] == kind, ["name", "code"]].values)


@given(NAMES, NAMES)
def test_every_name_has_one_code_and_no_code_is_a_name(samples, patients):
    table = assign_codes({"sample": samples, "patient": patients}, SECRET)
    assert list(table.columns) == COLUMNS
    assert by_kind(table, "sample").keys() == set(samples) and by_kind(table, "patient").keys() == set(patients)
    assert table["code"].is_unique and not set(table["code"]) & {*samples, *patients}
    # Neither how often nor in which order names come changes a code.
    shuffled = random.Random(0).sample(samples, len(samples))
    pd.testing.assert_frame_equal(assign_codes({"sample": shuffled + samples[:1], "patient": patients}, SECRET), table)


def test_codes_that_are_names_are_left_out():
    table = assign_codes({"sample": ["S001", "S003"], "patient": ["x"]}, SECRET)
    assert sorted(by_kind(table, "sample").values()) == ["S002", "S004"]


def test_more_than_999_samples():
    codes = by_kind(assign_codes({"sample": [f"n{i}" for i in range(1200)], "patient": ["x"]}, SECRET), "sample")
    assert sorted(codes.values(), key=lambda code: int(code[1:])) == [f"S{i:03d}" for i in range(1, 1201)]


def test_the_order_of_codes_says_nothing_of_the_order_of_names():
    """Over 200 keys, the place of the first name is spread evenly and neighbours do not stay neighbours."""
    names = [f"name{i:02d}" for i in range(20)]
    firsts, neighbours = [], 0
    for number in range(200):
        codes = by_kind(assign_codes({"sample": names, "patient": []}, number.to_bytes(64, "big")), "sample")
        places = [int(codes[name][1:]) for name in names]
        firsts.append(places[0])
        neighbours += sum(after == before + 1 for before, after in pairwise(places))
    assert set(firsts) == set(range(1, 21))
    # A random order of 20 has 19 / 20 such neighbours on average; over 200 orders: 190, standard deviation below 14.
    assert 190 - 5 * 14 < neighbours < 190 + 5 * 14


def test_codes_stay_when_samples_come_and_go(tmp_path):
    first = assign_codes({"sample": ["a", "b", "c"], "patient": ["p"]}, SECRET)
    write_table(tmp_path / "code_names.tsv", first)
    known = read_text_table(tmp_path / "code_names.tsv")
    second = assign_codes({"sample": ["b", "c", "d", "e"], "patient": ["p", "q"]}, b"x" * 64, known)
    old, new = by_kind(first, "sample"), by_kind(second, "sample")
    assert all(new[name] == code for name, code in old.items()), "also of a sample that is gone: nobody inherits it"
    assert {new["d"], new["e"]} == {"S004", "S005"} and by_kind(second, "patient")["q"] == "P002"


def test_the_secret_follows_the_inputs_and_is_no_sha256_of_the_page():
    record = provenance()
    changed = {**record, "inputs": [{**record["inputs"][0], "sha256": "d" * 64}, *record["inputs"][1:]]}
    assert len({secret_of(record), secret_of(dict(record)), secret_of(changed)}) == 2
    assert len(secret_of(record)) == 64


@pytest.fixture
def code_names():
    rows = sheet()
    names = {kind: [row[kind] for row in rows] for kind in ("sample", "patient")}
    table = assign_codes(names, SECRET)
    shift = {f"S{n + 1:04d}": code for n, code in enumerate(by_kind(table, "sample").values())}
    return CodeNames(shift, by_kind(table, "patient"))


def test_tables_keep_everything_but_names_and_order(code_names):
    before = texts()
    after, rows, record = coded(before, sheet(), provenance(), code_names)
    assert record["inputs"] == [] and record["code_sha256"] == provenance()["code_sha256"]
    for name, text in before.items():
        old, new = (read_text_table(io.StringIO(part)) for part in (text, after[name]))
        assert list(new.columns) == list(old.columns)
        for kind in {"sample", "patient"} & set(old.columns):
            old[kind] = old[kind].map(getattr(code_names, kind))
        assert sorted(map(tuple, old.values)) == sorted(map(tuple, new.values))
        if "sample" in new:
            assert list(new["sample"]) == sorted(new["sample"]), (
                f"{name}: rows in the order of the sheet tell who is who"
            )
        assert not any(f"\t{row['sample']}\t" in after[name] for row in sheet())
    assert [row["sample"] for row in rows] == sorted(code_names.sample.values())
    by_code = {row["sample"]: row for row in rows}
    for row in sheet():
        assert by_code[code_names.sample[row["sample"]]]["subtype"] == row["subtype"]


def test_a_name_without_a_code_ends_the_job(code_names):
    with pytest.raises(KeyError, match="stranger"):
        coded_rows(pd.DataFrame({"sample": ["S0001", "stranger"]}), code_names)


def test_names_are_found_as_whole_words_in_any_case():
    names = ["MEL-79", "P1", "103", "bo"]
    assert names_in("data/mel-79_counts.h5ad", names) == ["MEL-79"]
    assert names_in("MEL-790, 103 samples of P1 about", names) == []


def problems(rows, **report):
    given = config("bulk")
    given["report"] = {**given["report"], "code_names": True, **report}
    table = pd.DataFrame(rows, dtype=str, index=range(2, len(rows) + 2))
    return naming_problems(given, table, "config.yaml")


def test_what_would_show_a_name_is_a_problem():
    rows = [
        {"sample": f"Miller_{n}", "patient": f"Miller_{n}", "path": f"Miller_{n}.tsv", "stage": "II"} for n in range(3)
    ]
    assert problems(rows) == []
    [title] = problems(rows, title="Cohort of miller_2")
    assert title.where == "key `report.title`" and "Miller_2" in title.value and "code_names" in title.mend
    assert problems(rows, title="Cohort of miller_2", code_names=False) == []
    rows[1]["stage"] = "see Miller_0"
    [cell] = problems(rows)
    assert cell.where == "row 3, column 'stage'" and "1 of 3" in cell.value


def test_a_column_that_repeats_short_names_is_a_problem():
    rows = [{"sample": str(n), "patient": f"p{n}", "tube": str(n), "grade": str(n % 3)} for n in range(1, 6)]
    [problem] = problems(rows)
    assert problem.where == "row 2, column 'tube'"


def test_names_that_are_numbers_stay_text(tmp_path):
    write_table(tmp_path / "code_names.tsv", assign_codes({"sample": ["001", "1"], "patient": ["001"]}, SECRET))
    assert read_code_names(tmp_path / "code_names.tsv").sample.keys() == {"001", "1"}
