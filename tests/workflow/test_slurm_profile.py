"""The groups of the SLURM profile, on the real graph: none may wait for itself."""

import re

import pandas as pd
import pytest
import yaml
from packaging.version import Version
from snakemake import __version__ as snakemake_version

from workflow.harness import ROOT, copy_project, snakemake

GROUPS = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))["groups"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The project with a bulk cohort that is not split, with purity and phospho measurements."""
    project = copy_project(tmp_path_factory.mktemp("groups"))
    genes = pd.read_csv(project / "resources/networks/stat3.tsv", sep="\t")["gene"].drop_duplicates()
    samples = [f"S{number}" for number in range(8)]
    pd.DataFrame(7, index=pd.Index(genes, name="gene"), columns=samples).to_csv(project / "matrix.tsv", sep="\t")
    sheet = pd.DataFrame({"sample": samples, "patient": samples, "path": "matrix.tsv", "purity": 0.5})
    sheet.to_csv(project / "sheet.tsv", sep="\t", index=False)
    pd.DataFrame({"sample": samples, "STAT3_pY705": 1.0}).to_csv(project / "phospho.tsv", sep="\t", index=False)
    config = {"cohort": "plain", "samples": "sheet.tsv", "expression": {"type": "bulk", "scale": "counts"}}
    config |= {"compartments": {"purity_column": "purity"}, "validation": {"phospho": "phospho.tsv"}}
    (project / "plain.yaml").write_text(yaml.safe_dump(config))
    return project


def rule_graph(folder, config):
    """Return which rules need which others."""
    run = snakemake(folder, "--rulegraph", "--configfile", config)
    assert run.returncode == 0, run.output[-3000:]
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', run.output))
    return {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", run.output)}


def after(rules, edges):
    """Return everything that needs one of these rules, however far away."""
    found, queue = set(), list(rules)
    while queue:
        first = queue.pop()
        new = {b for a, b in edges if a == first} - found
        found |= new
        queue += new
    return found


def assert_no_group_needs_what_needs_the_group(edges):
    for group in set(GROUPS.values()):
        members = {rule for rule in GROUPS if GROUPS[rule] == group}
        outside = after(members, edges) - members
        assert not after(outside, edges) & members, group


@pytest.mark.parametrize("config", ["config/config.yaml", "config/cohorts/demo_bulk/config.yaml"])
def test_groups_of_the_demos_do_not_wait_for_themselves(demo, config):
    edges = rule_graph(demo, config)
    assert len(edges) > 15
    assert_no_group_needs_what_needs_the_group(edges)


def test_groups_of_a_cohort_without_reference_do_not_wait_for_themselves(plain):
    edges = rule_graph(plain, "plain.yaml")
    assert {"validation_phospho", "compartments_interact"} <= {rule for edge in edges for rule in edge}
    assert_no_group_needs_what_needs_the_group(edges)


@pytest.mark.skipif(
    Version(snakemake_version) < Version("9.17"), reason="Snakemake before 9.17 names no memory in a dry run"
)
def test_a_job_whose_inputs_do_not_exist_yet_has_its_floor(plain):
    run = snakemake(plain, "-n")
    assert "TBD" not in run.output and run.output.count("mem_mb=") >= 80
