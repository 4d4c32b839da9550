"""Labels that the cells of a cohort's files have, looked at before any job: does the configuration know them?"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stat3act.compartments.labels import label_owners, lineage_problems
from stat3act.expression import h5ad
from stat3act.expression.headers import UnreadableFile, sample_name, shown
from stat3act.named_files import is_file
from stat3act.problems import Problem, shorten


def label_problems(config: Mapping, sheet: pd.DataFrame) -> list[Problem]:
    """Return cell types that no lineage claims, and malignant labels of which the configuration knows none.

    Parameters
    ----------
    config
        Configuration with its defaults.
    sheet
        Sample sheet with paths. Files that cannot be read are the business of `stat3act.expression.headers`.
    """
    problems = []
    for path, rows in sheet.groupby("path", sort=False):
        file = Path(config["data_dir"]) / path
        if is_file(file) and file.suffix.lower() == ".h5ad":
            names = {sample_name(row)[0] for row in rows.to_dict("records")}
            problems += shorten(_in_file(file, path, names, config))
    return problems


def _in_file(file: Path, path: str, names: set[str], config: Mapping) -> Iterator[Problem]:
    section = config["compartments"]
    try:
        labels = read_labels(file, names, config)
    except UnreadableFile:
        return
    if (types := labels.get("cell_type_key")) is not None:
        mapping = section["lineages"]
        found = lineage_problems(types, mapping, label_owners(mapping), path)
        # The others are those of the configuration, which were found in it.
        yield from (problem for problem in found if problem.file == path)
    known = {*section["malignant_values"], *section["non_malignant_values"]}
    if (calls := labels.get("malignant_key")) is not None and len(calls) and not calls.isin(known).any():
        values = f"{shown(sorted(set(calls) - {''}))}; every cell would be uncertain"
        mend = "name them in compartments.malignant_values and compartments.non_malignant_values"
        yield Problem(path, f".obs['{section['malignant_key']}']", values, f"some of {', '.join(sorted(known))}", mend)


def read_labels(file: Path, names: set[str], config: Mapping) -> dict[str, pd.Series]:
    """Return the label columns, by their key in the configuration, of the cells of some samples of an h5ad.

    Raises
    ------
    UnreadableFile
        When the file is no such file.
    """
    key, section = config["expression"]["sample_key"], config["compartments"]
    with h5ad.open_file(file) as handle:
        obs = h5ad.frame(handle, "obs")
        columns = h5ad.column_names(obs)
        wanted = np.ones(h5ad.read_cell_number(handle), dtype=bool)
        if key in columns:
            wanted = np.isin(h5ad.read_column(obs, key).astype(str), sorted(names))
        return {
            label: pd.Series(h5ad.read_column(obs, section[label])[wanted], dtype=object)
            for label in ("cell_type_key", "malignant_key")
            if section[label] in columns
        }
