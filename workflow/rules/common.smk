# Config, sample sheet and the few functions that rules share. Everything here also runs at the start of every
# job, so nothing heavy is imported. Needs code.smk.
import os
import sys
import time
from pathlib import Path

import pandas as pd
import yaml
from snakemake.exceptions import WorkflowError

# The modules must be in place before they can be imported here.
sources("import stat3act.cohort, stat3act.input_files, stat3act.report.parts, stat3act.report.summary")
sources("import stat3act.report.code_names, stat3act.logs")
sys.path.insert(0, str(Path(workflow.source_path("../scripts/stat3act/problems.py")).parent.parent))

from stat3act.cohort import NAME, open_cohort
from stat3act.control_query import is_control
from stat3act.input_files import look_at_files, strata_of
from stat3act.logs import say_killed
from stat3act.named_files import frozen_reference, reference_files, regulon_file
from stat3act.problems import InputProblems
from stat3act.report.code_names import naming_problems
from stat3act.report.parts import FILES as PAGE_FILES

CONFIG_FILE = os.path.relpath(workflow.configfiles[-1]) if workflow.configfiles else "config"
SCHEMA = yaml.safe_load(read_source("../schemas/config.schema.yaml"))


def look_once(complete, sheet):
    """Return what the files show to be wrong."""
    # Jobs parse the workflow again; the files were looked at before the first of them started.
    if not workflow.is_main_process:
        return []
    rows = read_source("../../resources/networks/lesions.tsv").splitlines()
    problems = look_at_files(complete, sheet, {row.split("\t")[0] for row in rows})
    return problems + naming_problems(complete, sheet, CONFIG_FILE)


try:
    COMPLETE, SHEET = open_cohort(dict(config), SCHEMA, CONFIG_FILE, look_once)
except InputProblems as problems:
    raise WorkflowError(str(problems))
SHEET = SHEET.set_index("sample", drop=False)
config.clear()
config.update(COMPLETE)
SAMPLES = list(SHEET.index)
SINGLE_CELL = config["expression"]["type"] == "single_cell"
SPLIT = not SINGLE_CELL and config["compartments"]["method"] == "auto" and bool(config["compartments"]["reference"])
INTERACTION = not SINGLE_CELL and not SPLIT and bool(config["compartments"]["purity_column"])


# Not the names themselves: Snakemake copies the constraint into every path, which thousands of them make long.
wildcard_constraints:
    sample=NAME.pattern,


def ordered(value):
    """Sort the keys of nested dicts: the order of keys in the YAML must not rerun anything."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return value


def settings(*sections):
    """Return a section of the config (dotted name), or several keyed by their last part, for params."""

    def section(name):
        value = config
        for part in name.split("."):
            value = value[part]
        return ordered(value)

    if len(sections) == 1:
        return section(sections[0])
    return {name.split(".")[-1]: section(name) for name in sorted(sections)}


def sample_row(*columns):
    """Return a params function that gives these columns of the job's sample, and no others."""
    return lambda wildcards: {column: str(SHEET.at[wildcards.sample, column]) for column in sorted(columns)}


def sheet_columns(*columns):
    """Return these columns of all samples as a list of dicts; columns the sheet lacks are left out."""
    present = [column for column in columns if column in SHEET]
    return SHEET[present].to_dict("records")


def data_path(path):
    """Return a path of the sheet or config, relative paths starting at data_dir."""
    return str(Path(config["data_dir"]) / path)


def print_summary():
    """Say on the terminal what came out and where the report is."""
    # Imports scipy, which no job needs while it parses the workflow.
    from stat3act.report.summary import summarise

    results = Path("results") / config["cohort"]
    # Absent when only a part of the workflow was asked for.
    if (results / "report/report.html").exists():
        calls = pd.read_csv(results / "profiles/calls.tsv", sep="\t", keep_default_na=False)
        print(summarise(calls, results / "report/report.html"))


def date_to_now():
    """Give results that a wrong clock dated in the future the time of now: Snakemake refuses to build on them."""
    now = time.time()
    files = [path for path in (Path("results") / config["cohort"]).rglob("*") if path.is_file()]
    ahead = [path for path in files if path.stat().st_mtime > now + 1]
    for path in ahead:
        os.utime(path, (now, now))
    if ahead:
        print(f"{len(ahead)} results were dated in the future, by a clock that was wrong; they are dated to now")


def print_killed(logs):
    """Say on the terminal which jobs were killed, what most likely killed them and how to go on."""
    # Snakemake hands over one path or, since its loggers are plugins, a list of them.
    for log in [logs] if isinstance(logs, str) else logs:
        for words in say_killed(Path(log).read_text(encoding="utf-8", errors="replace")):
            print(words, file=sys.stderr)
