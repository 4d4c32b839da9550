"""Check the inputs of a cohort, and compute nothing: `make check`.

``python -m stat3act.check <config.yaml>`` in the folder Snakemake would be started in. It makes the checks the workflow
starts with, and those of the first jobs on as much of the data as can be read in seconds.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from stat3act.cohort import open_cohort
from stat3act.config_file import read_config, repeated_keys
from stat3act.expression.headers import UnreadableFile, sample_name
from stat3act.input_files import look_at_files
from stat3act.named_files import frozen_reference, reference_files, regulon_file
from stat3act.problems import InputProblems, Problem, raise_if_any
from stat3act.tables import read_table, read_text_table

ROOT = Path(__file__).resolve().parents[3]
# Matrices up to this size together are read whole; of larger ones, a few samples or cells.
WHOLE_BYTES = 20_000_000
FEW_SAMPLES, FEW_CELLS = 5, 500
AXES = ("stat3", "rivals", "shared", "programmes")


def check_cohort(file: str, data_dir: str | None = None) -> str:
    """Check everything a configuration names.

    Parameters
    ----------
    file, data_dir
        As in `open_config`.

    Returns
    -------
    What will run, in a few lines.

    Raises
    ------
    InputProblems
        With everything that is wrong.
    """
    config, sheet = open_config(file, data_dir)
    raise_if_any(look_inside(config, sheet))
    return describe(config, sheet)


def open_config(file: str, data_dir: str | None = None) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read a configuration and make the checks that the workflow starts with.

    Parameters
    ----------
    file
        The configuration.
    data_dir
        Stands in for its ``data_dir``.

    Returns
    -------
    As `stat3act.cohort.open_cohort`, and it raises the same.
    """
    given = read_config(file)
    if data_dir is not None:
        given["data_dir"] = data_dir
    lesion_genes = set(read_text_table(ROOT / "resources/networks/lesions.tsv")["gene"])
    return open_cohort(given, config_schema(), file, partial(look_at_files, lesion_genes=lesion_genes))


@cache
def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration."""
    return yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))


@cache
def gene_table() -> pd.DataFrame:
    """Return the bundled gene table."""
    return read_text_table(ROOT / "resources/genes/genes.tsv")


@cache
def language():
    """Return the names that genes go by (`stat3act.expression.genes.GeneLanguage`)."""
    from stat3act.expression.genes import GeneLanguage

    return GeneLanguage(gene_table())


@cache
def _bundled_network() -> tuple:
    """Return what `stat3act.networks.build_network` joins a regulon with."""
    from stat3act.networks import read_axes, read_symbols

    resources = ROOT / "resources"
    return (
        [read_axes(resources / f"networks/{name}.tsv") for name in AXES],
        read_text_table(resources / "networks/ligands.tsv"),
        read_text_table(resources / "markers/lineages.tsv"),
        read_symbols(resources / "genes/genes.tsv"),
    )


def look_inside(config: Mapping[str, Any], sheet: pd.DataFrame) -> list[Problem]:
    """Return what the values in the files show to be wrong, as the first jobs would.

    Parameters
    ----------
    config, sheet
        Of a cohort in whose headers nothing is wrong.
    """
    problems: list[Problem] = []
    checks = [partial(_networks, config)]
    if not config["expression"]["simulate"]:
        bulk = config["expression"]["type"] == "bulk"
        checks += _bulk(config, sheet) if bulk else _cells(config, sheet)
    for check in checks:
        try:
            check()
        except InputProblems as error:
            problems += error.problems
    return list(dict.fromkeys(problems))


def _networks(config: Mapping[str, Any]) -> None:
    """Build the network, and compare a frozen reference with it."""
    from stat3act.activity.measure import axis_fingerprints
    from stat3act.activity.reference import check_frozen
    from stat3act.networks import build_network, read_regulon

    networks = config["networks"]
    path = regulon_file(config)
    regulon = read_regulon(path, networks["regulon"], networks["regulon_min_references"]) if path else None
    axes, _, _ = build_network(*_bundled_network(), regulon)
    # The axis of a regulon that is yet to be downloaded is not known here.
    if (frozen := frozen_reference(config)) and networks["regulon"] != "collectri":
        no_rows = pd.DataFrame(columns=["compartment", "stratum", "reason"])
        in_use = partial(axis_fingerprints, axes, settings=config["activity"])
        table = read_table(frozen, dtype={"stratum": str})
        check_frozen(table, str(frozen), no_rows, config["expression"]["scale"], in_use)


def _bulk(config: Mapping[str, Any], sheet: pd.DataFrame) -> Iterator[partial]:
    """Return the harmonising of a bulk cohort, of a few samples per matrix where these are large."""
    data_dir = Path(config["data_dir"])
    paths = list(dict.fromkeys(sheet["path"]))
    if sum((data_dir / path).stat().st_size for path in paths) > WHOLE_BYTES:
        sheet = sheet.groupby("path", sort=False).head(FEW_SAMPLES)
    rows = [
        {"sample": row["sample"], "column": sample_name(row)[0], "matrix": paths.index(row["path"])}
        for row in sheet.to_dict("records")
    ]
    yield partial(harmonise, config, [str(data_dir / path) for path in paths], rows, gene_table())


def harmonise(config: Mapping[str, Any], files: list[str], rows: list[dict], genes: pd.DataFrame) -> None:
    """Harmonise a bulk cohort as the rule does, and compare its genes with those of the references."""
    from stat3act.compartments.reference_pool import read_references
    from stat3act.expression.bulk import harmonise_cohort

    keys = ("scale", "gene_column", "layer", "log_offset")
    cohort, _ = harmonise_cohort(files, rows, genes, **{key: config["expression"][key] for key in keys})
    section = config["compartments"]
    if section["reference"] and section["method"] == "auto":
        read_references(
            list(_references(config).values()), cohort.var_names, section["malignant_values"], section["lineages"]
        )


def _cells(config: Mapping[str, Any], sheet: pd.DataFrame) -> Iterator[partial]:
    """Return the reading of the first cells of each file."""
    known: dict[int, list[Problem]] = {}
    for path, rows in sheet.groupby("path", sort=False):
        name = sample_name(rows.iloc[0].to_dict())[0]
        yield partial(_first_cells, config, Path(config["data_dir"]) / path, name, known)


def _first_cells(config: Mapping[str, Any], path: Path, name: str, known: dict[int, list[Problem]]) -> None:
    """Check values and genes of one file; ``known`` holds what was found for the same genes in another."""
    import numpy as np

    from stat3act.compartments.celltypist_model import gene_problems, in_gene_language, read_model
    from stat3act.expression.cells import first_cells
    from stat3act.expression.genes import map_genes
    from stat3act.expression.scale import check_scale

    file = str(path)
    try:
        raw = first_cells(file, name, {**config["expression"], **config["compartments"]}, FEW_CELLS, WHOLE_BYTES)
    except UnreadableFile as error:
        raise InputProblems([Problem(file, "", *error.parts)]) from None
    problems = []
    if raw.values.nnz:
        problems += check_scale(raw.values, config["expression"]["scale"], raw.ids, raw.names, file)
    model = config["compartments"]["celltypist_model"]
    key = hash(tuple(raw.ids))
    if key not in known:
        known[key] = []
        try:
            strength = np.ravel(raw.values.sum(axis=0, dtype=np.float64))
            symbols = map_genes(raw.ids, language(), strength, file, raw.second_ids).symbols
            if model:
                known[key] += gene_problems(in_gene_language(read_model(model), language()), symbols, file)
        except InputProblems as error:
            known[key] += error.problems
        problems += known[key]
    raise_if_any(problems)


def _references(config: Mapping[str, Any]) -> dict[str, Path]:
    """Return the references of the bulk split without the maps of profiles files."""
    return {name: path for name, path in reference_files(config).items() if not name.endswith("_map.tsv")}


def describe(config: Mapping[str, Any], sheet: pd.DataFrame) -> str:
    """Say in a few lines what a cohort is and what will run."""
    expression, compartments, activity = (config[name] for name in ("expression", "compartments", "activity"))
    if expression["type"] == "single_cell":
        labels = compartments["cell_type_key"] or compartments["celltypist_model"] or "marker genes"
        calls = compartments["malignant_key"] or "copy number"
        split = f"lineages by {labels}, malignant cells by {calls}"
    elif compartments["reference"] and compartments["method"] == "auto":
        split = "tumour and microenvironment split by " + ", ".join(_references(config))
    else:
        split = "samples stay unsplit"
    reference = {"cohort": "the cohort itself", "controls": f"the samples with {activity['controls']}"}
    found = {
        "cohort": f"{config['cohort']}, {config['tumour_type']}",
        "samples": f"{len(sheet)}, of {sheet['patient'].nunique()} patients",
        "expression": f"{expression['type']}, {expression['scale']}"
        + (", simulated" if expression["simulate"] else ""),
        "compartments": split,
        "activity": f"compared with {reference.get(activity['reference'], activity['reference'])}",
        "regulon": config["networks"]["regulon"],
        "lesions": config["profiles"]["lesions"] or "none",
        "phospho": config["validation"]["phospho"] or "none",
        "results": f"results/{config['cohort']}",
    }
    return "\n".join(["OK: nothing is wrong with the input", *(f"  {name:<13}{text}" for name, text in found.items())])


def main() -> int:
    """Print what will run, or everything that is wrong; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", help="configuration of the cohort")
    parser.add_argument("--data", help="folder of its files, in place of its data_dir")
    parser.add_argument("--only-config", action="store_true", help="look at the text of the configuration alone")
    given = parser.parse_args()
    try:
        if given.only_config:
            read_config(given.config)
            raise_if_any(repeated_keys(given.config))
        else:
            print(check_cohort(given.config, given.data))
    except InputProblems as problems:
        print(problems, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
