"""The undisturbed runs that disturbed ones are compared with, and the table of all faults."""

import csv
import os
import shutil
from pathlib import Path

import pytest

from faults.cohort import BULK, CELLS, attempt, build_project
from workflow.harness import ROOT

COLUMNS = ["fault", "times", "reruns_equal", "jobs_lost_at_most", "message"]


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=20, help="how often each kind of kill is tried")


@pytest.fixture(scope="session")
def kills(request) -> int:
    return request.config.getoption("--kills")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory) -> Path:
    """A project with two small cohorts that have not run."""
    return build_project(tmp_path_factory.mktemp("fresh"))


def _run(fresh, folder, cohort):
    shutil.copytree(fresh, folder)
    run = attempt(folder, *cohort)
    assert run.returncode == 0, run.output[-4000:]
    return folder


@pytest.fixture(scope="session")
def bulk_done(fresh, tmp_path_factory) -> Path:
    """The same project after the bulk cohort ran without a fault."""
    return _run(fresh, tmp_path_factory.mktemp("bulk") / "project", BULK)


@pytest.fixture(scope="session")
def cells_done(fresh, tmp_path_factory) -> Path:
    """The same project after the cohort of cells ran without a fault."""
    return _run(fresh, tmp_path_factory.mktemp("cells") / "project", CELLS)


@pytest.fixture
def project(fresh, tmp_path) -> Path:
    """A copy of the project that has not run, to hit."""
    shutil.copytree(fresh, tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def bulk_copy(bulk_done, tmp_path) -> Path:
    """A copy of the project whose bulk cohort has run, time stamps and all, to hit."""
    shutil.copytree(bulk_done, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def cells_copy(cells_done, tmp_path) -> Path:
    """A copy of the project whose cohort of cells has run, time stamps and all, to hit."""
    shutil.copytree(cells_done, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="session")
def table():
    """Rows of the table of faults; written at the end where FAULTS_TABLE names a file."""
    rows = []
    yield rows
    if rows and (path := os.environ.get("FAULTS_TABLE")):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        _write_page(rows)


def _write_page(rows: list[dict]) -> None:
    """Put the table into docs/faults.md, between its two marks."""
    page = ROOT / "docs/faults.md"
    before, rest = page.read_text(encoding="utf-8").split("<!-- table -->\n", 1)
    after = rest.split("<!-- end of table -->", 1)[1]
    lines = ["| fault | times | reruns equal | jobs lost at most | what is said |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(str(row[column]) for column in COLUMNS) + " |" for row in rows]
    body = "\n".join(lines)
    page.write_text(f"{before}<!-- table -->\n{body}\n<!-- end of table -->{after}", encoding="utf-8")


@pytest.fixture
def record(table):
    """Add a fault to the table."""

    def add(fault: str, times: int, equal: int, lost: int | str, message: str) -> None:
        words = " ".join(message.split()).replace("|", "/")
        table.append(dict(zip(COLUMNS, (fault, times, f"{equal} of {times}", lost, words), strict=True)))

    return add
