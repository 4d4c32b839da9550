"""The cases of the corpus, and what a user is told of them."""

import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import yaml

from bad_inputs.changes import apply_case
from stat3act import check
from stat3act.expression.cells import harmonise_sample
from stat3act.expression.headers import sample_name
from stat3act.problems import InputProblems

HERE = Path(__file__).parent
# Lines for the end of the test run.
SUMMARY: list[str] = []
# Where what is wrong shows: while the workflow starts, in `make check` and the first jobs, in the job that reads all.
STAGES = ("start", "check", "job")


def read_cases() -> list[dict]:
    """Return every case of the YAML files, with the kind of its file."""
    cases = []
    for path in sorted(HERE.glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        shared = {"kind": content["kind"], "cohort": content["cohort"], "stage": "start"}
        for case in content["cases"]:
            settings = {**content.get("config", {}), **case.get("config", {})}
            cases.append({**shared, **case, "config": settings})
    return cases


def lay_out(good: Path, case: dict, folder: Path) -> None:
    """Copy the good cohort of a case into a folder and change it."""
    shutil.copytree(good / case["cohort"], folder, dirs_exist_ok=True)
    apply_case(folder, case)


@contextmanager
def problems_as_text():
    """Yield a list that holds the message the user gets, when there is one."""
    said = []
    try:
        yield said
    except InputProblems as problems:
        said.append(str(problems))


def told(stage: str) -> str:
    """Return what is said of the cohort in this folder at a stage; nothing where it is accepted."""
    with problems_as_text() as said:
        config, sheet = check.open_config("cohort.yaml")
        if stage == "check":
            check.raise_if_any(check.look_inside(config, sheet))
        if stage == "job":
            run_first_jobs(config, sheet)
    return "".join(said)


def run_first_jobs(config: dict, sheet: pd.DataFrame) -> None:
    """Read all of the expression as the rules expression_harmonise and expression_filter do."""
    files = [str(Path(config["data_dir"]) / path) for path in sheet["path"].unique()]
    rows = sheet.to_dict("records")
    if config["expression"]["type"] == "bulk":
        number = dict(zip(sheet["path"].unique(), range(len(files)), strict=True))
        rows = [{"sample": row["sample"], "column": sample_name(row)[0], "matrix": number[row["path"]]} for row in rows]
        check.harmonise(config, files, rows, check.gene_table())
        return
    settings = {**config["expression"], **config["compartments"], "seed": 1}
    for row in rows:
        harmonise_sample(row["path"], row["sample"], sample_name(row)[0], check.gene_table(), settings)


def fits(message: str, said: str) -> bool:
    """Tell whether a message is what was said; ``[...]`` stands for the words of a library."""
    pattern = ".*?".join(re.escape(part) for part in message.strip().split("[...]"))
    return re.fullmatch(pattern, said.strip(), flags=re.DOTALL) is not None
