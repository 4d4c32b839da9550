"""The user's labels in the words of the workflow."""

import pandas as pd
import pytest

from stat3act.compartments.labels import label_lineages, label_malignant
from stat3act.problems import InputProblems


def test_labels_are_translated():
    labels = pd.Series(["Mono", "CTL", "", "fibroblast"], index=list("abcd"))
    found = label_lineages(labels, {"myeloid": ["Mono"], "lymphoid": ["CTL"]}, "s")
    assert found.to_dict() == {"a": "myeloid", "b": "lymphoid", "c": "unknown", "d": "fibroblast"}


def test_every_wrong_label_is_listed_with_its_cells():
    labels = pd.Series(["Mono", "Mono", "CTL", "NK"])
    mapping = {"immune": ["X"], "myeloid": ["NK"], "lymphoid": ["NK"]}
    with pytest.raises(InputProblems) as caught:
        label_lineages(labels, mapping, "sample s")
    told = [(problem.file, problem.value) for problem in caught.value.problems]
    assert told == [
        ("config", "immune"),
        ("config", "'NK' under lymphoid and myeloid"),
        ("sample s", "'CTL' in 1 cells"),
        ("sample s", "'Mono' in 2 cells"),
    ]


def test_other_malignant_values_are_uncertain():
    found = label_malignant(pd.Series(["yes", "no", "", "?"]), ["yes"], ["no"], "s")
    assert found.tolist() == ["malignant", "non-malignant", "uncertain", "uncertain"]


def test_a_value_cannot_be_both():
    with pytest.raises(InputProblems, match="yes"):
        label_malignant(pd.Series(["yes"]), ["yes"], ["yes"], "s")
