"""The user's labels of cells in the words of the workflow: lineages and malignant calls."""

import numpy as np
import pandas as pd

from stat3act.compartments.lineages import LINEAGES, UNKNOWN
from stat3act.compartments.malignant import MALIGNANT, NON_MALIGNANT, UNCERTAIN
from stat3act.logs import log
from stat3act.problems import Problem, raise_if_any


def label_owners(mapping: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the lineages that every label is given to; a lineage's own name belongs to it."""
    owners: dict[str, list[str]] = {lineage: [lineage] for lineage in LINEAGES}
    owners.update({label: [] for names in mapping.values() for label in names})
    for lineage in sorted(mapping):
        for label in sorted(set(mapping[lineage])):
            owners[label].append(lineage)
    return owners


def lineage_problems(
    labels: pd.Series, mapping: dict[str, list[str]], owners: dict[str, list[str]], file: str
) -> list[Problem]:
    """Find lineages that do not exist, labels given to two lineages, and labels given to none."""
    problems = [
        Problem(
            "config",
            "compartments.lineages",
            lineage,
            f"one of {', '.join(LINEAGES)}",
            "rename the lineage, or put its labels under `other`",
        )
        for lineage in sorted(set(mapping) - set(LINEAGES))
    ]
    problems += [
        Problem(
            "config",
            "compartments.lineages",
            f"{label!r} under {' and '.join(given)}",
            "one lineage per label",
            "keep it under one of them",
        )
        for label, given in sorted(owners.items())
        if len(given) > 1
    ]
    counts = labels[~labels.isin([*owners, ""])].value_counts()
    return problems + [
        Problem(
            file,
            "cell_type",
            f"{label!r} in {counts[label]} cells",
            "a label that compartments.lineages gives to a lineage",
            "add it to a lineage in the config (`other` when none fits)",
        )
        for label in sorted(counts.index)
    ]


def label_lineages(labels: pd.Series, mapping: dict[str, list[str]], file: str) -> pd.Series:
    """Translate the user's cell-type labels to lineages.

    Parameters
    ----------
    labels
        One label per cell; "" is a cell without label.
    mapping
        Labels of each lineage (``compartments.lineages``). A label that is itself the name of a lineage needs
        no entry.
    file
        What the labels came from, for messages.

    Returns
    -------
    pandas.Series
        Lineages; ``unknown`` for "".

    Raises
    ------
    InputProblems
        For lineages that do not exist, labels given to two lineages, and labels given to none.
    """
    owners = label_owners(mapping)
    raise_if_any(lineage_problems(labels, mapping, owners, file))
    return labels.map({**{label: given[0] for label, given in owners.items()}, "": UNKNOWN})


def label_malignant(labels: pd.Series, malignant: list[str], non_malignant: list[str], file: str) -> pd.Series:
    """Translate the user's malignant labels to calls.

    Parameters
    ----------
    labels
        One label per cell.
    malignant, non_malignant
        Values that mean malignant and non-malignant; every other value is uncertain.
    file
        What the labels came from, for messages.

    Returns
    -------
    pandas.Series
        ``malignant``, ``non-malignant`` or ``uncertain``.

    Raises
    ------
    InputProblems
        When a value is in both lists.
    """
    raise_if_any(
        Problem(
            "config",
            "compartments.malignant_values, compartments.non_malignant_values",
            value,
            "each value in one of the two lists",
            f"remove it from one (labels come from {file})",
        )
        for value in sorted(set(malignant) & set(non_malignant))
    )
    calls = np.select([labels.isin(malignant), labels.isin(non_malignant)], [MALIGNANT, NON_MALIGNANT], UNCERTAIN)
    neither = labels[calls == UNCERTAIN].value_counts().sort_index()
    if len(neither):
        log.info("neither malignant nor non-malignant, in no compartment: %s", neither.to_dict())
    return pd.Series(calls, index=labels.index)
