"""Wrong inputs: each ends before any job, or in the first, with a list that says where, what and how to mend."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import yaml

from workflow.harness import ROOT, copy_project, snakemake

GENES = pd.read_csv(ROOT / "resources/genes/genes.tsv", sep="\t", dtype=str, usecols=["symbol"])["symbol"].tolist()


@pytest.fixture
def project(tmp_path):
    return copy_project(tmp_path)


def bulk(project, matrix=None, rows=None, **config):
    """Write a bulk cohort of four samples and its config."""
    rng = np.random.default_rng(0)
    samples = [f"S{i}" for i in range(4)]
    if matrix is None:
        counts = rng.negative_binomial(2, 0.01, size=(3000, 4))
        matrix = pd.DataFrame(counts, index=pd.Index(GENES[:3000], name="gene"), columns=samples)
    matrix.to_csv(project / "matrix.tsv", sep="\t")
    sheet = pd.DataFrame({"sample": samples, "patient": samples, "path": "matrix.tsv"}) if rows is None else rows
    sheet.to_csv(project / "sheet.tsv", sep="\t", index=False)
    base = {"cohort": "wrong", "samples": "sheet.tsv", "expression": {"type": "bulk", "scale": "counts"}}
    (project / "wrong.yaml").write_text(yaml.safe_dump(base | config))


def cells(project, count=60, **config):
    """Write a single-cell sample of ``count`` cells and its config."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(2, size=(count, 1500)).astype(np.float32)
    obs = pd.DataFrame({"kind": "T"}, index=[f"c{i}" for i in range(count)])
    ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=GENES[:1500])).write_h5ad(project / "cells.h5ad")
    sheet = pd.DataFrame({"sample": ["S0"], "patient": ["S0"], "path": ["cells.h5ad"]})
    sheet.to_csv(project / "sheet.tsv", sep="\t", index=False)
    base = {"cohort": "wrong", "samples": "sheet.tsv", "expression": {"type": "single_cell", "scale": "counts"}}
    (project / "wrong.yaml").write_text(yaml.safe_dump(base | config))


def refuse(project, *expected, first_job=None):
    """Run the cohort; it must fail with one list and without a traceback, and before any job unless one is named."""
    target = [f"results/wrong/expression/{first_job}"] if first_job else []
    run = snakemake(project, *target, "--configfile", "wrong.yaml")
    assert run.returncode != 0
    assert "problem" in run.output and "mend:" in run.output and "expected:" in run.output
    assert "Traceback" not in run.output, run.output
    if first_job is None:
        assert not run.jobs
    for text in expected:
        assert text in run.output, f"{text!r} is missing from:\n{run.output}"
    return run


def test_a_missing_file(project):
    bulk(project)
    (project / "matrix.tsv").unlink()
    refuse(project, "sheet.tsv", "row 2", "matrix.tsv")


def test_problems_of_the_sheet_and_of_its_files_come_in_one_list(project):
    rows = pd.DataFrame({"sample": ["S0", "S0", "S2"], "patient": "P", "path": ["matrix.tsv", "matrix.tsv", "no.tsv"]})
    bulk(project, rows=rows, activity={"clip": -1})
    refuse(project, "3 problems", "row 3", "row 4", "no.tsv", "activity.clip")


def test_a_duplicate_sample_and_everything_else_wrong_with_the_sheet(project):
    rows = pd.DataFrame({"sample": ["S0", "S0", "../x"], "patient": ["a", "", "c"], "path": "matrix.tsv"})
    bulk(project, rows=rows)
    refuse(project, "row 3", "S0", "row 4", "../x", "column 'patient'")


def test_names_that_are_a_script_or_a_path(project):
    names = ["<script>alert(1)</script>", "../../x", "S2"]
    bulk(project, rows=pd.DataFrame({"sample": names, "patient": "P", "path": "matrix.tsv"}))
    refuse(project, "row 2, column 'sample'", "'<script>alert(1)</script>'", "row 3, column 'sample'", "'../../x'")


def test_an_unknown_config_key(project):
    bulk(project, activty={"clip": 3})
    refuse(project, "wrong.yaml", "activty", "activity")


def test_a_wrong_table_of_lesions_in_the_list_with_the_rest(project):
    (project / "lesions.tsv").write_text("sample\tgene\talteration\nS1\tSTAT3\tgain\nS2\tKRAS\tany\n")
    bulk(project, profiles={"lesions": "lesions.tsv"}, activity={"clip": -1})
    refuse(project, "2 problems", "lesions.tsv, row 2, column 'alteration'", "'gain'", "p.Y640F", "activity.clip")


def test_tpm_declared_as_counts(project):
    rng = np.random.default_rng(0)
    tpm = pd.DataFrame(rng.gamma(1, 1, (3000, 4)), index=pd.Index(GENES[:3000], name="gene"), columns=list("ABCD"))
    tpm = (tpm / tpm.sum() * 1e6).set_axis([f"S{i}" for i in range(4)], axis=1)
    bulk(project, matrix=tpm)
    refuse(project, "matrix.tsv", "counts", "tpm", first_job="bulk.h5ad")


def test_genes_of_another_species(project):
    rng = np.random.default_rng(0)
    index = pd.Index([gene.capitalize() for gene in GENES[:3000]], name="gene")
    mouse = pd.DataFrame(rng.poisson(50, (3000, 4)), index=index, columns=[f"S{i}" for i in range(4)])
    bulk(project, matrix=mouse)
    refuse(project, "matrix.tsv", "mouse", first_job="bulk.h5ad")


def test_an_empty_matrix(project):
    bulk(project, matrix=pd.DataFrame(columns=[f"S{i}" for i in range(4)], index=pd.Index([], name="gene")))
    refuse(project, "matrix.tsv", "empty")


def test_a_sample_absent_from_the_matrix(project):
    rows = pd.DataFrame({"sample": ["S0", "s1", "S2", "S3"], "patient": "P", "path": "matrix.tsv"})
    bulk(project, rows=rows)
    refuse(project, "sheet.tsv", "row 3", "s1", "S1")


def test_nan_in_the_matrix(project):
    rng = np.random.default_rng(0)
    values = rng.poisson(50, (3000, 4)).astype(float)
    values[7, 2] = np.nan
    samples = [f"S{i}" for i in range(4)]
    bulk(project, matrix=pd.DataFrame(values, index=pd.Index(GENES[:3000], name="gene"), columns=samples))
    refuse(project, "matrix.tsv", GENES[7], "S2", first_job="bulk.h5ad")


def reference(project, name="reference.tsv", prefix="", columns=("tumour|p1|500|1", "microenvironment|myeloid|500|2")):
    """Write a reference over the genes of the bulk cohort; a prefix makes them unknown."""
    values = np.random.default_rng(1).lognormal(0, 2, (3000, len(columns)))
    table = pd.DataFrame(values, columns=list(columns), index=[prefix + gene for gene in GENES[:3000]])
    (table / table.sum() * 1e6).rename_axis("gene").to_csv(project / name, sep="\t")
    return name


def test_references_that_are_not_there_and_one_without_its_map(project):
    pd.DataFrame({"a": [1.0]}).to_parquet(project / "some_profiles.parquet")
    bulk(project, compartments={"reference": ["none.tsv", "some_profiles.parquet"], "purity_column": "ACE"})
    refuse(project, "3 problems", "none.tsv", "some_map.tsv", "cell_state", "column 'ACE'")


def test_a_reference_that_shares_no_genes(project):
    bulk(project, compartments={"reference": reference(project, "mouse.tsv", prefix="mm_")})
    refuse(project, "1 problem", "0 genes shared", "mouse.tsv", first_job="../compartments/fractions.tsv")


def test_a_reference_that_holds_no_tumour(project):
    columns = ["microenvironment|myeloid|50|1", "microenvironment|other|50|1"]
    bulk(project, compartments={"reference": reference(project, "normal.tsv", columns=columns)})
    refuse(project, "1 problem", "none of the tumour", "normal.tsv")


def test_a_reference_of_one_patient_ends_with_a_flag(project):
    bulk(project, compartments={"reference": reference(project)})
    run = snakemake(project, "results/wrong/compartments/reference_check.tsv", "--configfile", "wrong.yaml")
    assert run.returncode == 0, run.output
    table = pd.read_csv(project / "results/wrong/compartments/reference_check.tsv", sep="\t")
    assert table["flags"].tolist() == ["ONE_PATIENT_REFERENCE"] * 4


def test_purity_that_is_a_percentage(project):
    rows = pd.DataFrame({"sample": [f"S{i}" for i in range(4)], "patient": "P", "path": "matrix.tsv"})
    bulk(project, rows=rows.assign(ACE=["0.4", "", "55", "x"]), compartments={"purity_column": "ACE"})
    refuse(project, "2 problems", "row 4", "write 0.55", "row 5")


def test_a_sample_of_one_cell(project):
    cells(project, count=1)
    refuse(project, "cells.h5ad", "1 cell")


def test_an_h5ad_without_the_named_column(project):
    cells(project, compartments={"cell_type_key": "CellType", "lineages": {"lymphoid": ["T"]}})
    refuse(project, "cells.h5ad", "CellType", "kind")
