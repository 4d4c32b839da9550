"""One reference of several: read each, name everything that is wrong with any of them, put their states together."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from stat3act.compartments.reference import MIN_SHARED_GENES, Reference, check_against_bulk, read_reference
from stat3act.logs import log
from stat3act.named_files import map_path, reference_files
from stat3act.problems import InputProblems, Problem, raise_if_any


def read_references(
    paths: Sequence[str | Path],
    genes: pd.Index,
    malignant_values: Sequence[str] = (),
    lineages: Mapping[str, Sequence[str]] | None = None,
    min_shared: int = MIN_SHARED_GENES,
) -> Reference:
    """Read one reference or several for a bulk cohort.

    Parameters
    ----------
    paths
        Files as of `read_reference`.
    genes
        Genes of the bulk cohort.
    malignant_values, lineages
        As in `read_reference`.
    min_shared
        Fewest genes that each of them, and all together, share with the bulk cohort.

    Returns
    -------
    Reference
        `pool` of them.

    Raises
    ------
    InputProblems
        Everything that is wrong with any of the files, in one list.
    """
    found: dict[str, Reference] = {}
    problems: list[Problem] = []
    for path, name in zip(paths, names_of(paths), strict=True):
        try:
            found[name] = read_reference(path, malignant_values, lineages)
            check_against_bulk(found[name], genes, str(path), min_shared)
        except InputProblems as error:
            problems += error.problems
    raise_if_any(problems)
    shared = set.intersection(*(set(reference.profiles.index) for reference in found.values()))
    if len(found) > 1 and genes.isin(shared).sum() < min_shared:
        value = f"{genes.isin(shared).sum()} genes in all of them and in the bulk cohort"
        expected = f"at least {min_shared} genes that all references and the bulk cohort share"
        raise_if_any([Problem(", ".join(map(str, paths)), "", value, expected, "leave the smallest one out")])
    return pool(found)


def reference_problems(config: Mapping) -> list[Problem]:
    """Return everything that is wrong with the references of a bulk cohort, whatever its genes are.

    Parameters
    ----------
    config
        Configuration with its defaults. Files that do not exist are the business of `stat3act.named_files`.
    """
    section, problems = config["compartments"], []
    for name, path in reference_files(config).items():
        # The maps of profiles files are read with these.
        there = path.is_file() and (path.suffix != ".parquet" or map_path(path).is_file())
        if there and not name.endswith("_map.tsv"):
            try:
                read_reference(path, section["malignant_values"], section["lineages"])
            except InputProblems as error:
                problems += error.problems
    return problems


def names_of(paths: Sequence[str | Path]) -> list[str]:
    """Return a short name of each file: its stem, with as many of its folders as tell it from the others."""
    bare = [
        Path(path).with_name(Path(path).name.split(".")[0].removesuffix("_profiles")).parts for path in map(str, paths)
    ]
    names = ["/".join(parts[-1:]) for parts in bare]
    depth = 1
    while len(set(names)) < len(names) and depth < max(map(len, bare)):
        depth += 1
        names = ["/".join(parts[-depth:]) for parts in bare]
    return names


def pool(references: Mapping[str, Reference]) -> Reference:
    """Put the states of several references side by side.

    Parameters
    ----------
    references
        By name; a single one is returned as it is.

    Returns
    -------
    Reference
        The genes that all of them have, every profile scaled to sum to 1 over these. All states are kept: of the
        tumours because they differ between patients, of a lineage because it differs between tissues and platforms,
        and the fit finds which of them explain a sample. Names of states, and of patients, begin with that of their
        reference.
    """
    if len(references) == 1:
        return next(iter(references.values()))
    genes = sorted(set.intersection(*(set(reference.profiles.index) for reference in references.values())))
    profiles, states = [], []
    for name, reference in references.items():
        part = reference.profiles.loc[genes]
        profiles.append(part.rename(columns=lambda state, name=name: f"{name}:{state}"))
        rows = reference.states.rename(index=lambda state, name=name: f"{name}:{state}")
        patient = rows["compartment"] == "tumour"
        rows["lineage"] = rows["lineage"].where(~patient, f"{name}:" + rows["lineage"].astype(str))
        states.append(rows)
    joined = pd.concat(profiles, axis=1)
    # Of some state nothing may be left in the genes that all have; it can explain nothing.
    kept = joined.columns[joined.sum(axis=0) > 0]
    log.info("%d references pooled: %d genes, %d states", len(references), len(genes), len(kept))
    return Reference(joined[kept] / joined[kept].sum(axis=0), pd.concat(states).loc[kept])
