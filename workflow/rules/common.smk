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
sources("import stat3act.cohort, stat3act.expression.headers, stat3act.report.parts, stat3act.report.summary")
sources("import stat3act.compartments.celltypist_model, stat3act.profiles.lesions, stat3act.logs")
sys.path.insert(0, str(Path(workflow.source_path("../scripts/stat3act/problems.py")).parent.parent))

from stat3act.cohort import open_cohort
from stat3act.configuration import is_control
from stat3act.expression.headers import check_headers
from stat3act.logs import say_killed
from stat3act.named_files import reference_files
from stat3act.problems import InputProblems
from stat3act.profiles.lesions import lesion_problems
from stat3act.report.parts import FILES as PAGE_FILES
from stat3act.report.summary import summarise

CONFIG_FILE = str(workflow.configfiles[-1]) if workflow.configfiles else "config"
SCHEMA = yaml.safe_load(read_source("../schemas/config.schema.yaml"))


def look_at_files(complete, sheet):
    """Return what the lesions, and the headers of the samples' files, show to be wrong."""
    # Jobs parse the workflow again; the files were looked at before the first of them started.
    if not workflow.is_main_process:
        return []
    known = {row.split("\t")[0] for row in read_source("../../resources/networks/lesions.tsv").splitlines()}
    problems = lesion_problems(complete, known, set(sheet["sample"]))
    if complete["expression"]["simulate"] or "path" not in sheet:
        return problems
    sheet = sheet[sheet["path"].str.strip() != ""]
    compartments = complete["compartments"]
    sections = complete["expression"], compartments, complete["data_dir"]
    problems += check_headers(sheet.to_dict("records"), *sections, complete["samples"], list(sheet.index))
    model = compartments["celltypist_model"]
    if model and Path(model).exists():
        from stat3act.compartments.celltypist_model import model_problems

        problems += model_problems(model, compartments["lineages"])
    return problems


try:
    COMPLETE, SHEET = open_cohort(dict(config), SCHEMA, CONFIG_FILE, look_at_files)
except InputProblems as problems:
    raise WorkflowError(str(problems))
SHEET = SHEET.set_index("sample", drop=False)
config.clear()
config.update(COMPLETE)
SAMPLES = list(SHEET.index)
SINGLE_CELL = config["expression"]["type"] == "single_cell"
SPLIT = not SINGLE_CELL and config["compartments"]["method"] == "auto" and bool(config["compartments"]["reference"])
INTERACTION = not SINGLE_CELL and not SPLIT and bool(config["compartments"]["purity_column"])


wildcard_constraints:
    sample="|".join(sorted(SAMPLES)),


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


def memory_for(factor, floor, cap):
    """Return a memory request that follows the size of the input and doubles with each attempt, in MB."""
    return lambda wildcards, input, attempt: int(min(cap, max(floor, factor * input.size_mb) * 2 ** (attempt - 1)))


def print_summary():
    """Say on the terminal what came out and where the report is."""
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
