"""Nothing that a user is sent runs: a tag in YAML, a pickle in a cell file, a query in the config."""

import os
import pickle

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from workflow.harness import copy_project, snakemake


@pytest.fixture
def project(tmp_path):
    copy_project(tmp_path)
    pd.DataFrame({"sample": ["S0"], "patient": ["S0"], "path": ["cells.h5ad"]}).to_csv(
        tmp_path / "sheet.tsv", sep="\t", index=False
    )
    return tmp_path


def write_config(project, **more):
    config = {"cohort": "sent", "samples": "sheet.tsv", "expression": {"type": "single_cell", "scale": "counts"}}
    (project / "sent.yaml").write_text(yaml.safe_dump(config | more))


def refused(project):
    run = snakemake(project, "results/sent/expression/cells/S0.h5ad", "--configfile", "sent.yaml")
    assert run.returncode != 0
    assert not (project / "sprung").exists()
    return run.output


def test_a_tag_in_the_config(project):
    tag = '!!python/object/apply:os.mkdir ["sprung"]'
    (project / "sent.yaml").write_text(
        f"cohort: {tag}\nsamples: sheet.tsv\nexpression: {{type: bulk, scale: counts}}\n"
    )
    refused(project)


def test_a_query_in_the_config(project):
    query = "sample.replace('S0', 'mkdir sprung').map(@pd.io.common.os.system) == 0"
    write_config(project, activity={"reference": "controls", "controls": query})
    output = refused(project)
    assert "key `activity.controls`" in output and "Traceback" not in output


class Trap:
    """Makes a folder where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


def test_a_pickle_in_a_cell_file(project):
    """As an array of bytes with the marks that PyTables puts on a pickled object."""
    with h5py.File(project / "cells.h5ad", "w") as handle:
        handle.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        for name in ("X", "obs", "var"):
            part = handle.create_dataset(name, data=np.void(pickle.dumps(Trap())))
            part.attrs.update({"CLASS": "VLARRAY", "PSEUDOATOM": "object"})
    write_config(project)
    output = refused(project)
    assert "cells.h5ad" in output
