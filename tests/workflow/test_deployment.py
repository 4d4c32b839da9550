"""The workflow in someone else's project: deployed with snakedeploy from a tag, as two modules, and by its address.

No network is needed: git takes a bare copy of this project, tagged, for the repository on GitHub.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflow.harness import ROOT, copy_project, snakemake, tables

REPOSITORY = "https://github.com/acme/stat3"
BULK_CONFIG = "config/cohorts/demo_bulk/config.yaml"
PARENT = """import yaml


def cohort_config(name):
    with open(f"config/cohorts/{name}/config.yaml") as file:
        return yaml.safe_load(file)


module early:
    snakefile:
        github("acme/stat3", path="workflow/Snakefile", tag="v1")
    config:
        cohort_config("demo_early")


module late:
    snakefile:
        github("acme/stat3", path="workflow/Snakefile", tag="v1")
    config:
        cohort_config("demo_late")


use rule * from early as early_*


use rule * from late as late_*


rule all:
    default_target: True
    input:
        rules.early_all.input,
        rules.late_all.input,
"""


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """A bare repository of this project at the tag v1, which git finds under the address on GitHub."""
    folder = tmp_path_factory.mktemp("mirror")
    source = copy_project(folder / "source")
    for name in ("LICENSE", ".snakemake-workflow-catalog.yml"):
        shutil.copy2(ROOT / name, source)
    git(source, "init", "--quiet", "--initial-branch", "main")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "The workflow")
    git(source, "tag", "v1")
    git(folder, "clone", "--quiet", "--bare", "source", "acme/stat3")
    changed = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{folder}/acme/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/acme/",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changed.items():
            patch.setenv(name, value)
        yield folder


@pytest.fixture
def deployed(mirror, tmp_path):
    """A project made by snakedeploy, with nothing in it but what snakedeploy puts there."""
    command = [Path(sys.executable).with_name("snakedeploy"), "deploy-workflow", REPOSITORY, ".", "--tag", "v1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LICENSE", "config", "profiles", "workflow"]
    return tmp_path


def lend(demo, folder, *results):
    """Put results of other cohorts where a cohort names them."""
    for name in results:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(demo / name, folder / name)


def differing(first, second):
    assert first.keys() == second.keys() and len(first) > 8
    return [name for name in first if first[name] != second[name]]


def test_the_bulk_demo_deployed_from_a_tag_gives_the_same_tables(demo, deployed):
    lend(demo, deployed, "results/demo/compartments/reference.tsv")
    # The deployed Snakefile reads config/config.yaml; that is the file a user edits.
    shutil.copy2(deployed / BULK_CONFIG, deployed / "config/config.yaml")
    run = snakemake(deployed)
    assert run.returncode == 0, run.output[-6000:]
    assert differing(tables(deployed, "demo_bulk"), tables(demo, "demo_bulk")) == []
    assert snakemake(deployed).idle


def test_three_samples_of_the_single_cell_demo_run_deployed(demo, deployed):
    sheet = deployed / "config/samples.tsv"
    sheet.write_text("\n".join(sheet.read_text().splitlines()[:4]) + "\n")
    run = snakemake(deployed)
    assert run.returncode == 0, run.output[-6000:]
    assert run.jobs["compartments_label"] == 3 and run.jobs["report_render"] == 1
    here, there = tables(deployed, "demo"), tables(demo, "demo")
    # What depends on the sample alone is the same as with all twelve.
    own = [name for name in here if name.startswith("expression/qc/")] + ["networks/axes.tsv"]
    assert len(own) == 4 and [name for name in own if here[name] != there[name]] == []


def test_two_cohorts_are_two_modules_of_one_workflow(demo, deployed):
    lend(demo, deployed, "results/demo_bulk/activity/reference.tsv")
    (deployed / "workflow/Snakefile").write_text(PARENT)
    run = snakemake(deployed)
    assert run.returncode == 0, run.output[-6000:]
    assert run.jobs["early_report_render"] == run.jobs["late_report_render"] == 1
    assert sorted(path.name for path in (deployed / "results").iterdir()) == ["demo_bulk", "demo_early", "demo_late"]
    # Each is as if it had run alone: of the other, nothing is in its tables or its provenance.
    alone = copy_project(deployed / "alone")
    lend(demo, alone, "results/demo_bulk/activity/reference.tsv")
    single = snakemake(alone, "--configfile", "config/cohorts/demo_early/config.yaml")
    assert single.returncode == 0, single.output[-6000:]
    assert differing(tables(deployed, "demo_early"), tables(alone, "demo_early")) == []
    code = json.loads((deployed / "results/demo_late/provenance.json").read_text())["code"]
    assert {"networks_prepare", "report_record"} <= code.keys() and not [name for name in code if "early" in name]


def test_the_address_of_the_tag_will_do_for_a_snakefile(demo, deployed):
    shutil.rmtree(deployed / "workflow")
    remote = snakemake(deployed, "-n", "--snakefile", "gh:acme/stat3@v1")
    assert remote.returncode == 0, remote.output[-4000:]
    local = snakemake(copy_project(deployed / "local"), "-n")
    assert remote.jobs == local.jobs and sum(remote.jobs.values()) > 80
