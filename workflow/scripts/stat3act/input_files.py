"""Everything that the files a cohort names show to be wrong before any job starts.

The Snakefile and `make check` both call `look_at_files`. What is heavier than pandas is imported where it is needed,
because every job parses the workflow again.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stat3act.expression.headers import check_headers
from stat3act.named_files import frozen_reference, is_file, regulon_file
from stat3act.networks import check_sha256, read_regulon
from stat3act.problems import InputProblems, Problem
from stat3act.profiles.lesions import lesion_problems


def look_at_files(config: Mapping[str, Any], sheet: pd.DataFrame, lesion_genes: Collection[str]) -> list[Problem]:
    """Return what is wrong with the small tables a cohort names, and with the headers of its samples' files.

    Parameters
    ----------
    config
        Configuration with its defaults.
    sheet
        Sample sheet, all text; it may lack paths.
    lesion_genes
        Genes of ``resources/networks/lesions.tsv``.

    Notes
    -----
    Files that do not exist are the business of `stat3act.named_files.check_files`, but for those of the sheet.
    """
    problems = lesion_problems(config, lesion_genes, set(sheet["sample"]))
    problems += _regulon(config) + _phospho(config, sheet) + _references(config) + _frozen(config, sheet)
    problems += _celltypist_model(config)
    if config["expression"]["simulate"] or "path" not in sheet:
        return problems
    with_path = sheet[sheet["path"].str.strip() != ""]
    sections = config["expression"], config["compartments"], config["data_dir"]
    problems += check_headers(with_path.to_dict("records"), *sections, config["samples"], list(with_path.index))
    return problems + _labels(config, with_path)


def strata_of(config: Mapping[str, Any], sheet: pd.DataFrame) -> pd.Series:
    """Return the stratum of each sample; the empty text where the cohort is not stratified."""
    strata = config["activity"]["strata"]
    return sheet[strata].agg(" ".join, axis=1) if strata else pd.Series("", sheet.index)


def _regulon(config: Mapping[str, Any]) -> list[Problem]:
    networks = config["networks"]
    path = regulon_file(config)
    if path is None or not is_file(path):
        return []
    try:
        check_sha256(path, networks["regulon_sha256"], networks["regulon"])
        read_regulon(path, networks["regulon"], networks["regulon_min_references"])
    except InputProblems as error:
        return list(error.problems)
    return []


def _phospho(config: Mapping[str, Any], sheet: pd.DataFrame) -> list[Problem]:
    if not config["validation"]["phospho"] or "patient" not in sheet:
        return []
    from stat3act.validation.measurements import phospho_problems

    return phospho_problems(config, sheet)


def _references(config: Mapping[str, Any]) -> list[Problem]:
    section = config["compartments"]
    if config["expression"]["type"] != "bulk" or section["method"] != "auto" or not section["reference"]:
        return []
    from stat3act.compartments.reference_pool import reference_problems

    return reference_problems(config)


def _frozen(config: Mapping[str, Any], sheet: pd.DataFrame) -> list[Problem]:
    path = frozen_reference(config)
    if path is None or not is_file(path) or not set(config["activity"]["strata"]) <= set(sheet.columns):
        return []
    from stat3act.activity.reference import frozen_problems

    return frozen_problems(path, config["expression"]["scale"], set(strata_of(config, sheet)))


def _celltypist_model(config: Mapping[str, Any]) -> list[Problem]:
    model = config["compartments"]["celltypist_model"]
    if not model or not is_file(Path(model)):
        return []
    from stat3act.compartments.celltypist_model import model_problems

    return model_problems(model, config["compartments"]["lineages"])


def _labels(config: Mapping[str, Any], sheet: pd.DataFrame) -> list[Problem]:
    section = config["compartments"]
    if config["expression"]["type"] != "single_cell" or not (section["cell_type_key"] or section["malignant_key"]):
        return []
    from stat3act.compartments.labels_of_files import label_problems

    return label_problems(config, sheet)
