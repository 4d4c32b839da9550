"""The axes: which genes speak for STAT3, and which for its rivals.

Three functions read files (`read_axes`, `read_regulon`, `read_symbols`); everything else is pure.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stat3act.compartments import COMPARTMENTS
from stat3act.problems import InputProblems, Problem, raise_if_any, shorten
from stat3act.tables import FLOAT_FORMAT, read_text_table, sha256_of_file
from stat3act.user_tables import read_user_table

STAT3_PANELS = ("stat3_core", "stat3_epithelial")
RIVALS = ("ifn_stat1", "nfkb", "hypoxia", "proliferation", "dissociation_stress")
REGULON = "stat3_regulon"
# A gene of a STAT3 panel that a rival raises too, listed in the rival's axis with a weight of its own.
SHARED = "shared"
COLUMNS = ["axis", "gene", "weight", "panel", "compartments", "source"]
BUNDLED_COLUMNS = ("axis", "gene", "sign", "weight", "panel", "compartments", "source", "note")
LIGAND_COLUMNS = ("mechanism", "kind", "gene", "ligand", "receptor", "kinases", "sender", "receiver", "source", "note")
LIGAND_GENE_COLUMNS = ("gene", "ligand", "receptor", "kinases")
REFERENCE_COLUMNS = ("PMID", "references")
SIGNS = {"+": 1.0, "-": -1.0}


def missing_columns(table: pd.DataFrame, columns: Iterable[str], file: str) -> list[Problem]:
    """Return one problem for each of ``columns`` that ``table`` lacks."""
    present = ", ".join(map(str, table.columns))
    return [
        Problem(file, "header", present, f"a column '{column}'", "add the column, tab-separated")
        for column in columns
        if column not in table.columns
    ]


def read_axes(path: str | Path) -> pd.DataFrame:
    """Read one table of axes.

    Parameters
    ----------
    path
        TSV with the columns `BUNDLED_COLUMNS`; ``sign`` is ``+`` or ``-`` and ``weight`` a positive number.

    Returns
    -------
    Columns `COLUMNS`, ``weight`` signed, in the order of the file.

    Raises
    ------
    InputProblems
        For missing columns, and for every row with a sign or weight that cannot be read.
    """
    table = read_text_table(path)
    raise_if_any(missing_columns(table, BUNDLED_COLUMNS, str(path)))
    sign = table["sign"].map(SIGNS)
    size = pd.to_numeric(table["weight"], errors="coerce")
    problems = [
        Problem(str(path), f"row {row + 2}, column '{column}'", table[column][row], expected, "correct the cell")
        for column, good, expected in (("sign", sign.notna(), "+ or -"), ("weight", size > 0, "a positive number"))
        for row in np.flatnonzero(~good)
    ]
    raise_if_any(problems)
    return table.assign(weight=sign * size)[COLUMNS]


def read_symbols(path: str | Path) -> dict[str, str]:
    """Read the gene table as a map of every known name to its current symbol.

    A symbol stands for itself; an alias counts only when it is nobody's symbol and one gene's alias. ``path`` is a
    TSV with the columns ``symbol`` and ``aliases`` (``;``-separated).
    """
    genes = read_text_table(path)
    pairs = genes.assign(alias=genes["aliases"].str.split(";")).explode("alias")[["alias", "symbol"]]
    pairs = pairs[pairs["alias"].ne("")].drop_duplicates()
    pairs = pairs[~pairs["alias"].duplicated(keep=False)]
    return dict(zip(pairs["alias"], pairs["symbol"], strict=True)) | {name: name for name in genes["symbol"]}


def check_sha256(
    path: str | Path, expected: str | None, name: str, required: bool = False, shown: str | None = None
) -> str:
    """Compare a file with the sha256 it was pinned to.

    ``expected`` is ``networks.regulon_sha256`` of the config and ``name`` its ``networks.regulon``. A download must
    be pinned (``required``), a user's own file may be. Messages call the file ``shown``, or by its path. Returns the
    sha256 of the file's bytes.

    Raises
    ------
    InputProblems
        When they differ, or when a required pin is missing.
    """
    found = sha256_of_file(path)
    if expected is None and required:
        mend = f"check the table, then set networks.regulon_sha256: {found}"
        raise InputProblems([Problem("config", "networks.regulon_sha256", "not set", "a sha256", mend)])
    if expected is not None and found != expected:
        mend = f"find out why the content changed; to accept it set networks.regulon_sha256: {found}"
        raise InputProblems(
            [Problem(shown or str(path), f"networks.regulon '{name}'", f"sha256 {found}", expected, mend)]
        )
    return found


def count_references(cells: pd.Series) -> pd.Series:
    """Count the distinct references in ``;``-separated cells; ``CollecTRI:123`` and ``123`` are the same one."""
    return cells.fillna("").map(lambda cell: len({part.split(":")[-1].strip() for part in cell.split(";")} - {""}))


def _regulon_problems(edges: pd.DataFrame, file: str) -> list[Problem]:
    """Return what is wrong with the STAT3 edges of a regulon: weights, and targets with both signs."""
    if edges.empty:
        return [Problem(file, "column 'source'", "no row STAT3", "STAT3 among the sources", "give its regulon")]
    problems = []
    for row in edges[~np.isfinite(edges["value"]) | edges["value"].eq(0)].itertuples():
        where, expected = f"row {row.Index}, column 'weight'", "a finite number other than 0"
        problems.append(Problem(file, where, repr(row.weight), expected, "correct the weight"))
    signs = edges.assign(sign=np.sign(edges["value"])).groupby("target")["sign"].nunique()
    for target in sorted(signs[signs > 1].index):
        mend = "keep the row whose sign the literature supports"
        problems.append(Problem(file, f"target {target}", "both signs", "one sign per target", mend))
    return shorten(problems)


def read_regulon(path: str | Path, name: str, min_references: int) -> tuple[pd.DataFrame, dict]:
    """Read the STAT3 regulon of a decoupler-format network as the axis `REGULON`.

    Parameters
    ----------
    path
        Table with the columns ``source target weight`` and perhaps ``PMID`` or ``references``; tab-separated, or
        comma-separated when its name says ``.csv``; gzip by suffix.
    name
        What the config calls it.
    min_references
        Keep edges with at least this many distinct references. Applied only where the table has references.

    Returns
    -------
    The axis (columns `COLUMNS`; STAT3 itself left out, duplicated rows once), and where it came from: ``name``,
    ``sha256``, ``edges`` (before any filter), ``few_references``, ``references_column``.

    Raises
    ------
    InputProblems
        For what `read_user_table` refuses, no STAT3 edge, weights that are no numbers, targets with both signs.
    """
    file = str(path)
    separator = "," if ".csv" in Path(path).suffixes else "\t"
    table = read_user_table(path, file, ("source", "target", "weight"), separator=separator)
    edges = table[table["source"].eq("STAT3")]
    edges = edges.assign(value=pd.to_numeric(edges["weight"], errors="coerce"))
    raise_if_any(_regulon_problems(edges, file))
    column = next((column for column in REFERENCE_COLUMNS if column in edges), None)
    kept = edges[count_references(edges[column]) >= min_references] if column else edges
    cited = kept[column].map(_as_pmids) if column else pd.Series("", index=kept.index)
    axis = kept.assign(axis=REGULON, gene=kept["target"], weight=kept["value"], panel="regulon", compartments="all")
    axis = axis.assign(source=cited.where(cited.ne(""), name))[COLUMNS]
    axis = axis[axis["gene"].ne("STAT3")].drop_duplicates("gene").sort_values("gene", ignore_index=True)
    origin = {"name": name, "sha256": sha256_of_file(path), "edges": len(edges), "references_column": column}
    origin["few_references"] = len(edges) - len(kept)
    return axis, origin


def _as_pmids(cell: str) -> str:
    """Write the first three references of an edge the way the bundled tables write them."""
    numbers = sorted({part.split(":")[-1].strip() for part in cell.split(";")} - {""})
    return ";".join(f"PMID:{number}" if number.isdigit() else number for number in numbers[:3])


def genes_in(ligands: pd.DataFrame, columns: Iterable[str]) -> set[str]:
    """Collect the genes named in ``columns`` of the ligand table; subunits are joined with ``;``."""
    return {gene for column in columns for cell in ligands[column] for gene in cell.split(";")} - {""}


def rename(genes: pd.Series, symbols: Mapping[str, str]) -> pd.Series:
    """Give every gene its current symbol; names that ``symbols`` does not know stay as they are."""
    return genes.map(lambda name: symbols.get(name, name))


def prepare_axes(
    bundled: pd.DataFrame,
    regulon: pd.DataFrame | None,
    symbols: Mapping[str, str],
    ligands: Collection[str],
    markers: Collection[str],
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Join the bundled axes and the regulon in current symbols.

    Bundled rows are never dropped here (`check_axes` judges them). Of the regulon these targets are: names that
    are no gene, STAT3 and its ligands, genes that define compartments, and targets that two old names give
    opposite signs.

    Parameters
    ----------
    bundled
        Rows of `read_axes`.
    regulon
        Axis of `read_regulon`, or None.
    symbols
        Known name -> current symbol; symbols map to themselves.
    ligands
        Ligands of the STAT3 receptors.
    markers
        Genes that define compartments.

    Returns
    -------
    Columns `COLUMNS`, sorted by axis and gene; and what was dropped from the regulon, by reason.
    """
    parts = [bundled.assign(gene=rename(bundled["gene"], symbols))]
    dropped: dict[str, list[str]] = {}
    if regulon is not None:
        targets = regulon.assign(gene=rename(regulon["gene"], symbols))
        positive = targets["weight"] > 0
        mixed = set(targets.loc[positive, "gene"]) & set(targets.loc[~positive, "gene"])
        reasons = {
            "no_known_gene": set(targets["gene"]) - set(symbols),
            "stat3_or_ligand": {"STAT3", *ligands},
            "compartment_marker": set(markers),
            "both_signs": mixed,
        }
        for reason, genes in reasons.items():
            out = targets["gene"].isin(genes)
            dropped[reason] = sorted(targets.loc[out, "gene"].unique())
            targets = targets[~out]
        parts.append(targets.drop_duplicates("gene"))
    table = pd.concat(parts, ignore_index=True)[COLUMNS]
    return table.sort_values(["axis", "gene"], kind="stable", ignore_index=True), dropped


def _problem(where: str, value: str, expected: str, mend: str) -> Problem:
    return Problem("axes", where, value, expected, mend)


def _row_problems(table: pd.DataFrame, symbols: Collection[str]) -> Iterator[Problem]:
    """Yield problems of single rows: weight, compartments, source, symbol."""
    for row in table.itertuples():
        where = f"axis {row.axis}, gene {row.gene}"
        names = row.compartments.split(";")
        if not np.isfinite(row.weight) or row.weight == 0:
            yield _problem(where, str(row.weight), "a finite weight other than 0", "correct the weight")
        if names != ["all"] and not set(names) <= set(COMPARTMENTS):
            expected = f"all, or some of {', '.join(COMPARTMENTS)}"
            yield _problem(where, row.compartments, expected, "correct the compartments")
        if not row.source:
            yield _problem(where, "no source", "a source to look up", "add it or drop the gene")
        if row.gene not in symbols:
            yield _problem(where, row.gene, "a current gene symbol", "correct the symbol")


def _overlap_problems(table: pd.DataFrame, ligands: Collection[str], markers: Collection[str]) -> Iterator[Problem]:
    """Yield problems between rows: duplicates, both signs, genes of two panels, forbidden genes."""
    for (axis, gene), weights in table.groupby(["axis", "gene"], sort=True)["weight"]:
        if len(weights) > 1:
            value = "both signs" if len(set(np.sign(weights))) > 1 else f"{len(weights)} rows"
            yield _problem(f"axis {axis}, gene {gene}", value, "one row per gene", "keep one of them")
    shared = table["panel"] == SHARED
    targets = set(table.loc[table["axis"].isin(STAT3_PANELS), "gene"])
    for row in table[shared].itertuples():
        where = f"axis {row.axis}, gene {row.gene}"
        if row.axis not in RIVALS or row.gene not in targets:
            mend = "list it as the axis's own gene, or drop it"
            yield _problem(where, "a shared gene", "a gene of a STAT3 panel, in a rival's axis", mend)
        if abs(row.weight) > 1:
            mend = "lower the weight: a shared gene answers the rival no more than the rival's own genes do"
            yield _problem(where, f"weight {row.weight:g}", "a weight of at most 1", mend)
    panels = table[table["axis"].isin([*STAT3_PANELS, *RIVALS]) & ~shared]
    for gene, axes in panels.groupby("gene", sort=True)["axis"]:
        if len(set(axes)) > 1:
            mend = "keep it in the axis it reads best, so that the panels vote independently"
            yield _problem(f"gene {gene}", ", ".join(sorted(set(axes))), "one panel or rival per gene", mend)
    for row in table.itertuples():
        where = f"axis {row.axis}, gene {row.gene}"
        if row.gene == "STAT3" or row.gene in ligands:
            mend = "drop it: STAT3 and its ligands explain activity and are never part of it"
            yield _problem(where, "STAT3 or a ligand", "a target", mend)
        if row.gene in markers:
            mend = "drop it here or there: a gene cannot define a compartment and be scored in it"
            yield _problem(where, "a compartment marker", "no marker gene", mend)


def check_axes(
    table: pd.DataFrame,
    symbols: Collection[str],
    ligands: Collection[str],
    markers: Collection[str],
    expected: Collection[str] = (),
) -> dict[str, dict[str, list[str]]]:
    """Check the prepared axes.

    Parameters
    ----------
    table
        Table of `prepare_axes`.
    symbols
        Current gene symbols.
    ligands
        Ligands of the STAT3 receptors.
    markers
        Genes that define compartments.
    expected
        Axes that must have genes, beside the panels and rivals.

    Returns
    -------
    What is worth knowing and no error: genes that the regulon shares with each panel and rival, and that each
    programme shares with each rival (``{"regulon": {axis: genes}, programme: {rival: genes}}``).

    Raises
    ------
    InputProblems
        Duplicates in an axis, both signs, a gene in two of the panels and rivals (unless marked as shared), a shared
        row that is none, STAT3, a ligand or a marker in an axis, unknown compartment or symbol, weight 0 or not
        finite, no source, empty axis.
    """
    problems = [*_row_problems(table, symbols), *_overlap_problems(table, ligands, markers)]
    genes = {axis: set(part) for axis, part in table.groupby("axis", sort=True)["gene"]}
    for axis in sorted({*STAT3_PANELS, *RIVALS, *expected} - set(genes)):
        mend = "name human genes, or lower networks.regulon_min_references" if axis == REGULON else "add genes"
        problems.append(_problem(f"axis {axis}", "no gene", "at least one gene", mend))
    raise_if_any(problems)
    findings = {}
    for axis in sorted(set(genes) - {*STAT3_PANELS, *RIVALS}):
        others = (*STAT3_PANELS, *RIVALS) if axis == REGULON else RIVALS
        shared = {other: sorted(genes[axis] & genes[other]) for other in others if genes[axis] & genes[other]}
        findings |= {axis: shared} if shared else {}
    return findings


def hash_axes(table: pd.DataFrame) -> str:
    """Return the sha256 of the axes as canonical text: rows, columns and compartments in one fixed order."""
    lines = sorted(
        "\t".join([axis, gene, FLOAT_FORMAT % weight, panel, ";".join(sorted(compartments.split(";"))), source])
        for axis, gene, weight, panel, compartments, source in table[COLUMNS].itertuples(index=False)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def build_network(
    bundled: Iterable[pd.DataFrame],
    ligands: pd.DataFrame,
    markers: pd.DataFrame,
    symbols: Mapping[str, str],
    regulon: tuple[pd.DataFrame, dict] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Prepare, check and describe the axes of a cohort.

    Parameters
    ----------
    bundled
        Tables of `read_axes`.
    ligands
        The ligand table as text (`LIGAND_COLUMNS`).
    markers
        Lineage markers, column ``gene``.
    symbols
        Known name -> current symbol (`read_symbols`).
    regulon
        What `read_regulon` returned, or None.

    Returns
    -------
    The axes, the ligand table sorted, and the summary for ``network.json``.
    """
    raise_if_any(missing_columns(ligands, LIGAND_COLUMNS, "ligands"))
    current = set(symbols.values())
    strange = sorted(genes_in(ligands, LIGAND_GENE_COLUMNS) - current)
    raise_if_any(Problem("ligands", gene, gene, "a current gene symbol", "correct the symbol") for gene in strange)
    names, defining = genes_in(ligands, ["ligand"]), set(rename(markers["gene"], symbols))
    axis, origin = regulon or (None, None)
    axes, dropped = prepare_axes(pd.concat(bundled, ignore_index=True), axis, symbols, names, defining)
    findings = check_axes(axes, current, names, defining, [REGULON] if regulon else [])
    sizes = axes.assign(sign=np.where(axes["weight"] > 0, "positive", "negative"))
    counts = pd.crosstab(sizes["axis"], sizes["sign"]).reindex(columns=["positive", "negative"], fill_value=0)
    summary = {
        "sha256": hash_axes(axes),
        "axes": {name: {sign: int(count) for sign, count in row.items()} for name, row in counts.iterrows()},
        "shared_genes": findings,
        "regulon": {**origin, "dropped": dropped} if origin else None,
    }
    order = ["kind", "mechanism", "gene", "ligand", "receptor"]
    return axes, ligands.sort_values(order, kind="stable", ignore_index=True), summary


def check_download(network: pd.DataFrame) -> pd.DataFrame:
    """Give a downloaded network a fixed order, so that its file has the same bytes each time.

    Raises
    ------
    InputProblems
        When it is not a decoupler-format network with STAT3 in it.
    """
    raise_if_any(missing_columns(network, ("source", "target", "weight"), "downloaded CollecTRI"))
    if not network["source"].astype(str).eq("STAT3").any():
        mend = "download it elsewhere and give its path as networks.regulon"
        problem = Problem("downloaded CollecTRI", "column 'source'", "no row STAT3", "the STAT3 regulon", mend)
        raise InputProblems([problem])
    return network.sort_values(["source", "target"], kind="stable", ignore_index=True)
