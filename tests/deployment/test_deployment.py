"""The workflow in someone else's project: deployed with snakedeploy from a tag, as two modules, and by its address.

No network is needed: git takes a bare copy of this project, tagged, for the repository on GitHub. What the demo
and two cohorts of the first samples of both demos give deployed is compared with runs in folders of the project itself.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workflow.harness import ROOT, copy_project, snakemake, tables

REPOSITORY = "https://github.com/acme/stat3"
# Name, demo, samples, and what differs from the demo's config. Lesions name samples that are left out here.
COHORTS = {
    "cells": ("config", 3, {"profiles": {"lesions": None}}),
    "mixed": ("config/cohorts/demo_bulk", 6, {"compartments": {"reference": "reference.tsv", "selfcheck": False}}),
}
MODULE = """
module {name}:
    snakefile:
        github("acme/stat3", path="workflow/Snakefile", tag="v1")
    config:
        cohort_config("{name}")


use rule * from {name} as {name}_*
"""
PARENT = f"""import yaml


def cohort_config(name):
    with open(f"{{name}}.yaml") as file:
        return yaml.safe_load(file)


{"".join(MODULE.format(name=name) for name in COHORTS)}

rule all:
    default_target: True
    input:
        {", ".join(f"rules.{name}_all.input" for name in COHORTS)},
"""


def write_cohorts(folder):
    """Write configs and sheets of the cohorts into a project that has the demos'."""
    for name, (demo, samples, changes) in COHORTS.items():
        config = yaml.safe_load((folder / demo / "config.yaml").read_text())
        config |= {"cohort": name, "samples": f"{name}.tsv"} | changes
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
        rows = (folder / demo / "samples.tsv").read_text().splitlines()[: samples + 1]
        (folder / f"{name}.tsv").write_text("\n".join(rows) + "\n")


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """A bare repository of this project at the tag v1, which git finds under the address on GitHub."""
    folder = tmp_path_factory.mktemp("mirror")
    source = folder / "source"
    source.mkdir()
    copy_project(source)
    for name in ("LICENSE", ".snakemake-workflow-catalog.yml"):
        shutil.copy2(ROOT / name, source)
    git(source, "init", "--quiet", "--initial-branch", "main")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "The workflow")
    git(source, "tag", "v1")
    git(folder, "clone", "--quiet", "--bare", "source", "acme/stat3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_COUNT", "1")
        patch.setenv("GIT_CONFIG_KEY_0", f"url.file://{folder}/acme/.insteadOf")
        patch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/acme/")
        yield folder


@pytest.fixture
def deployed(mirror, tmp_path):
    """A project made by snakedeploy, with nothing in it but what snakedeploy puts there."""
    command = [Path(sys.executable).with_name("snakedeploy"), "deploy-workflow", REPOSITORY, ".", "--tag", "v1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LICENSE", "config", "profiles", "workflow"]
    return tmp_path


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The project itself, in which both cohorts have run."""
    folder = copy_project(tmp_path_factory.mktemp("local"))
    write_cohorts(folder)
    for name in COHORTS:
        run = snakemake(folder, "--configfile", f"{name}.yaml")
        assert run.returncode == 0, run.output[-6000:]
        shutil.copy2(folder / "results/cells/compartments/reference.tsv", folder / "reference.tsv")
    return folder


def differing(folder, other, cohort):
    first, second = tables(folder, cohort), tables(other, cohort)
    assert first.keys() == second.keys() and len(first) > 15
    # Snakemake's source cache drops the last line break of a text file: the parameters of the simulation, which are a
    # bundled file and an input of the demos only, have another checksum there.
    records = [json.loads(results.pop("provenance.json")) for results in (first, second)]
    for record in records:
        record["inputs"] = [entry for entry in record["inputs"] if entry["path"] != "demo/carcinoma.yaml"]
    assert records[0] == records[1]
    return [name for name in first if first[name] != second[name]]


def test_a_deployed_demo_is_planned_like_the_project_itself(deployed):
    remote = snakemake(deployed, "-n")
    assert remote.returncode == 0, remote.output[-4000:]
    # The address of the tag will do for a Snakefile.
    shutil.rmtree(deployed / "workflow")
    address = snakemake(deployed, "-n", "--snakefile", "gh:acme/stat3@v1")
    assert address.returncode == 0, address.output[-4000:]
    (deployed / "local").mkdir()
    planned = snakemake(copy_project(deployed / "local"), "-n")
    assert remote.jobs == address.jobs == planned.jobs and sum(planned.jobs.values()) > 80


def test_the_demo_run_deployed_has_the_tables_of_the_project(demo, deployed):
    run = snakemake(deployed)
    assert run.returncode == 0, run.output[-6000:]
    assert differing(deployed, demo, "demo") == []
    assert snakemake(deployed).idle


def test_a_cohort_run_deployed_has_the_same_tables(local, deployed):
    write_cohorts(deployed)
    shutil.copy2(local / "reference.tsv", deployed)
    # The deployed Snakefile reads config/config.yaml; that is the file a user edits.
    shutil.copy2(deployed / "mixed.yaml", deployed / "config/config.yaml")
    run = snakemake(deployed)
    assert run.returncode == 0, run.output[-6000:]
    assert differing(deployed, local, "mixed") == []
    assert snakemake(deployed).idle


def test_two_cohorts_are_two_modules_of_one_workflow(local, deployed):
    write_cohorts(deployed)
    shutil.copy2(local / "reference.tsv", deployed)
    (deployed / "workflow/Snakefile").write_text(PARENT)
    run = snakemake(deployed)
    assert run.returncode == 0, run.output[-6000:]
    assert run.jobs["cells_report_render"] == run.jobs["mixed_report_render"] == 1
    assert sorted(path.name for path in (deployed / "results").iterdir()) == sorted(COHORTS)
    # Each is as if it had run alone: of the other, nothing is in its tables or its provenance.
    for cohort in COHORTS:
        assert differing(deployed, local, cohort) == []
    code = json.loads((deployed / "results/mixed/provenance.json").read_text())["code"]
    assert {"networks_prepare", "report_record"} <= code.keys() and "expression_filter" not in code
