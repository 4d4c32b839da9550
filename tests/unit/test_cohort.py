"""The sample sheet: every kind of mistake is named with its row as a spreadsheet shows it."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from stat3act.cohort import CALLS, NAME, PLANTED, check_sheet, open_cohort, read_sheet
from stat3act.problems import InputProblems
from stat3act.schema import fill_defaults

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
SHEETS = [ROOT / "config/samples.tsv", *sorted((ROOT / "config/cohorts").glob("*/samples.tsv"))]
GOOD = "sample\tpatient\tpath\nA\tP1\ta.tsv\nB\tP2\tb.tsv\n"


def settings(**sections):
    base = {"cohort": "c", "samples": "s.tsv", "expression": {"type": "bulk", "scale": "counts"}}
    config = fill_defaults(base, SCHEMA)
    for section, values in sections.items():
        config[section] |= values
    return config


def problems_of(tmp_path, text, **sections):
    path = tmp_path / "samples.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return check_sheet(read_sheet(path), settings(**sections), "samples.tsv")


def test_a_right_sheet(tmp_path):
    assert problems_of(tmp_path, GOOD) == []


def test_cells_stay_text_and_rows_keep_their_numbers(tmp_path):
    path = tmp_path / "s.tsv"
    path.write_text("sample\tpatient\tpath\ttime\r\n01\tNA\tx\t\r\n\r\n02\tnull\ty\t3\r\n", newline="")
    sheet = read_sheet(path)
    assert sheet.index.tolist() == [2, 4]
    assert sheet["sample"].tolist() == ["01", "02"]
    assert sheet["patient"].tolist() == ["NA", "null"]
    assert sheet["time"].tolist() == ["", "3"]


@pytest.mark.parametrize(
    ("text", "where", "value", "mend"),
    [
        ("sample,patient,path\nA,P,x\n", "row 1", "commas", "tab-separated"),
        ("sample;patient;path\nA;P;x\n", "row 1", "semicolons", "tab-separated"),
        ("sample\tpath\nA\tx\n", "row 1", "no column 'patient'", "add the column"),
        ("sampel\tpatient\tpath\nA\tP\tx\n", "row 1", "no column 'sample'", "rename 'sampel'"),
        ("sample\tpatient\tpath \nA\tP\tx\n", "row 1, column 3", "'path '", "blanks"),
        ("sample\tpatient\tpath\tpath\nA\tP\tx\tx\n", "row 1, column 4", "'path' a second time", "remove"),
        ("sample\tpatient\tpath\t\nA\tP\tx\t\n", "row 1, column 4", "an empty name", "name the column"),
        ("sample\tpatient\tpath\n", "row 2", "nothing", "one row per sample"),
        ("sample\tpatient\tpath\nA\tP\n", "row 2", "2 cells", "tabs"),
        (GOOD + "A\tP3\tc.tsv\n", "row 4, column 'sample'", "'A', as in row 2", "rename"),
        (GOOD + "C\t\tc.tsv\n", "row 4, column 'patient'", "an empty cell", "fill"),
        (GOOD + "C\tP\t\n", "row 4, column 'path'", "an empty cell", "fill"),
        (GOOD + "C\tP \tc\n", "row 4, column 'patient'", "'P '", "blanks"),
        (GOOD + "..\tP\tc\n", "row 4, column 'sample'", "'..'", "file names"),
        (GOOD + "<script>alert(1)</script>\tP\tc\n", "row 4, column 'sample'", "'<script>alert(1)", "file names"),
        (GOOD + "../../x\tP\tc\n", "row 4, column 'sample'", "'../../x'", "file names"),
        (GOOD + "C\t<b>P</b>\tc\n", "row 4, column 'patient'", "'<b>P</b>'", "file names"),
        (GOOD + "a/b\tP\tc\n", "row 4, column 'sample'", "'a/b'", "file names"),
        (GOOD + "-x\tP\tc\n", "row 4, column 'sample'", "'-x'", "file names"),
        (GOOD + "C\tP P\tc\n", "row 4, column 'patient'", "'P P'", "file names"),
    ],
)
def test_header_and_cells(tmp_path, text, where, value, mend):
    found = [problem for problem in problems_of(tmp_path, text) if problem.where == where]
    assert len(found) == 1
    assert value in found[0].value
    assert mend in found[0].mend
    assert found[0].file == "samples.tsv"


def test_one_column_of_one_file_feeds_one_sample(tmp_path):
    sheet = "sample\tpatient\tpath\tcolumn\nA\tP\tx\tc1\nB\tP\tx\tc1\nC\tP\ty\tc1\nD\tP\tx\t\nE\tP\tx\t\n"
    (problem,) = problems_of(tmp_path, sheet)
    assert problem.where == "row 3, column 'column'"
    assert "'c1' with 'x', as in row 2" in problem.value


@pytest.mark.parametrize(
    ("value", "mend"),
    [("70", "write 0.7"), ("-0.1", "decimal"), ("abc", "decimal"), ("0,7", "decimal"), ("nan", "decimal")],
)
def test_purity(tmp_path, value, mend):
    text = f"sample\tpatient\tpath\tcpe\nA\tP\tx\t0.5\nB\tP\ty\t\nC\tP\tz\t{value}\n"
    (problem,) = problems_of(tmp_path, text, validation={"purity": "cpe"})
    assert problem.where == "row 4, column 'cpe'"
    assert mend in problem.mend


def test_expected_calls(tmp_path):
    text = "sample\tpatient\tpath\ttruth\nA\tP\tx\tINACTIVE\nB\tP\ty\t\nC\tP\tz\tinactiv\n"
    (problem,) = problems_of(tmp_path, text, validation={"expected_call": "truth"})
    assert problem.where == "row 4, column 'truth'"
    assert "write INACTIVE" in problem.mend
    assert all(call in problem.expected for call in CALLS)


def test_columns_the_config_names(tmp_path):
    found = problems_of(
        tmp_path,
        GOOD,
        activity={"strata": ["time"]},
        validation={"purity": "cpe", "expected_call": "truth"},
    )
    assert [problem.value for problem in found] == ["no column 'time'", "no column 'cpe'", "no column 'truth'"]
    assert "activity.strata" in found[0].expected


def test_a_simulation_needs_strengths_and_no_path(tmp_path):
    header = "sample\tpatient\t" + "\t".join(PLANTED)
    cells = settings(expression={"type": "single_cell", "simulate": "demo/x.yaml"})["expression"]
    assert problems_of(tmp_path, f"{header}\nA\tP\t1\t0\t0\t0\n", expression=cells) == []
    (problem,) = problems_of(tmp_path, f"{header}\nA\tP\t1\tx\t0\t0\n", expression=cells)
    assert problem.where == "row 2, column 'planted_microenvironment'"
    found = problems_of(tmp_path, GOOD, expression=cells)
    assert [problem.value for problem in found] == [f"no column '{name}'" for name in PLANTED]
    bulk = cells | {"type": "bulk"}
    (problem,) = problems_of(tmp_path, f"{header}\nA\tP\t1\t0\t0\t0\n", expression=bulk)
    assert problem.value == "no column 'purity'"


@pytest.mark.parametrize(
    ("content", "value"), [(None, "No such file"), (b"", "nothing"), ("sample\n".encode("utf-16"), "UTF-16")]
)
def test_files_that_are_no_sheet(tmp_path, content, value):
    path = tmp_path / "s.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputProblems) as caught:
        read_sheet(path)
    (problem,) = caught.value.problems
    assert value in problem.value
    assert problem.mend


def test_config_and_sheet_problems_come_in_one_list(tmp_path):
    path = tmp_path / "s.tsv"
    path.write_text(GOOD + "A\tP\tc\n")
    config = {
        "cohort": "c",
        "samples": str(path),
        "expression": {"type": "bulk", "scale": "counts"},
        "activty": {},
        "activity": {"reference": "controls", "controls": "arm == 'x'"},
        "validation": {"phospho": "none.tsv"},
    }
    with pytest.raises(InputProblems) as caught:
        open_cohort(config, SCHEMA, "config.yaml")
    assert [problem.where for problem in caught.value.problems] == [
        "key `activty`",
        "key `validation.phospho`",
        "row 4, column 'sample'",
        "key `activity.controls`",
    ]


def test_a_right_cohort_opens(tmp_path):
    path = tmp_path / "s.tsv"
    path.write_text(GOOD)
    config = {"cohort": "c", "samples": str(path), "expression": {"type": "bulk", "scale": "counts"}}
    filled, sheet = open_cohort(config, SCHEMA, "config.yaml")
    assert filled["seed"] == SCHEMA["properties"]["seed"]["default"]
    assert sheet["sample"].tolist() == ["A", "B"]


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.parent.name)
def test_shipped_sheets_are_right(path):
    config = yaml.safe_load(path.with_name("config.yaml").read_text(encoding="utf-8"))
    assert check_sheet(read_sheet(path), fill_defaults(config, SCHEMA), str(path)) == []


def test_the_schema_of_a_row_says_the_same():
    schema = yaml.safe_load((ROOT / "workflow/schemas/samples.schema.yaml").read_text(encoding="utf-8"))
    assert schema["properties"]["sample"]["pattern"] == f"^{NAME.pattern}$"
    assert schema["required"] == ["sample", "patient"]
    assert all(part["description"] for part in schema["properties"].values())


def test_t84_controls_are_the_mocks_of_each_time():
    sheet = pd.DataFrame(read_sheet(ROOT / "config/cohorts/t84_il22_ifnl/samples.tsv"))
    counts = sheet[sheet["treatment"] == "Mock"].groupby("time").size()
    assert counts.to_dict() == {"3h": 3, "6h": 3, "12h": 3, "24h": 3}
