"""The good cohorts, made once."""

from pathlib import Path

import pytest

from bad_inputs.corpus import SUMMARY
from bad_inputs.good_cohorts import GENES, MAKERS
from stat3act import check
from stat3act.expression.genes import GeneLanguage

GENE_TABLE = check.gene_table()


@pytest.fixture(scope="session")
def good(tmp_path_factory) -> Path:
    """Return a folder with one folder per good cohort."""
    folder = tmp_path_factory.mktemp("good")
    for name, make in MAKERS.items():
        (folder / name).mkdir()
        make(folder / name)
    return folder


@pytest.fixture
def few_genes(monkeypatch):
    """Shorten the gene table to the genes of the good cohorts and some more: it is read for every case."""
    table = GENE_TABLE[GENE_TABLE["symbol"].isin({*GENES[:3000], "STAT3", "SOCS3", "MYC"})]
    monkeypatch.setattr(check, "gene_table", lambda: table)
    monkeypatch.setattr(check, "language", lambda: GeneLanguage(table))


def pytest_terminal_summary(terminalreporter):
    """Say how many wrong inputs were tried."""
    for line in SUMMARY:
        terminalreporter.write_line(line)
