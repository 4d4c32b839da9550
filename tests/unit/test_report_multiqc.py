"""The file for MultiQC: comment lines are YAML, the rest is the QC table."""

import io

import pandas as pd
import pytest
import yaml

from stat3act.report.columns import TABLES
from stat3act.report.multiqc import TITLES, multiqc_text
from unit.report_example import build


def parsed(text):
    """Read the file as MultiQC does: lines that begin with # are YAML, what follows is a table."""
    lines = text.splitlines()
    settings = yaml.safe_load("\n".join(line[1:] for line in lines if line.startswith("#")))
    return settings, pd.read_csv(io.StringIO("\n".join(line for line in lines if not line.startswith("#"))), sep="\t")


@pytest.mark.parametrize("kind", ["single_cell", "bulk"])
def test_settings_and_table_can_be_read_back(kind):
    quality = build(12, kind)["qc"]
    settings, table = parsed(multiqc_text(quality, "mine"))
    assert settings["plot_type"] == "table" and settings["id"] == "stat3act_mine"
    assert table.columns[0] == "Sample" and table["Sample"].tolist() == quality["sample"].tolist()
    assert list(table.columns[1:]) == list(settings["headers"])
    assert set(table.columns[1:]) == set(TITLES) & set(quality)
    pd.testing.assert_series_equal(table["genes_kept"], quality["genes_kept"])
    for name, header in settings["headers"].items():
        assert header["description"] == TABLES["qc"].columns[name][0] and header["title"]


def test_samples_named_by_numbers_stay_as_they_are():
    quality = build(2, "bulk")["qc"].assign(sample=["001", "002"])
    assert "\n001\t" in multiqc_text(quality, "mine")
