"""The public cohorts of the validation, on the scale that the workflow scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import anndata as ad
import pandas as pd
import yaml
from scipy import sparse

from stat3act.activity.assemble import benjamini_hochberg
from stat3act.activity.measure import measure_references, reference_rows
from stat3act.activity.prepare import Prepared, prepare
from stat3act.activity.reference import Reference, fit_reference
from stat3act.activity.score import score_rows
from stat3act.compartments.pseudobulk import log2_cpm
from stat3act.expression.bulk import harmonise_cohort
from stat3act.expression.genes import GeneLanguage, map_genes, sum_rows
from stat3act.networks import build_network, read_axes, read_regulon, read_symbols
from stat3act.profiles.states import evidence_from_rows, state_of
from stat3act.schema import default_of
from stat3act.tables import read_text_table

PROJECT = Path(__file__).resolve().parents[2]
RESOURCES = PROJECT / "resources"
PHOSPHO_COHORTS = ("ACC", "CHOL", "DLBC", "LGG", "LUAD", "UVM")
PHOSPHO = "STAT3_pY705"
REGULON_FILE = "networks/collectri_human.tsv.gz"
# TCGA barcodes: patient (12 characters), then the kind of tissue; RPPA and RNA agree on the first 15.
SAMPLE_CHARACTERS = 15
PRIMARY_TUMOUR = ("01", "03")
MIN_CELLS = 20
COLUMNS = ["check", "dataset", "group", "method", "value", "low", "high", "n", "goal", "met"]


@dataclass(frozen=True)
class Cohort:
    """One data set, ready to be scored.

    Attributes
    ----------
    name
        Name of the data set in the tables.
    expression
        Rows x genes (current symbols), log2 scale.
    rows
        Same index; ``sample compartment stratum reason`` and what is known of the sample.
    minimum
        Least mean log2 CPM of a gene in the reference; None on log ratios.
    controls
        Samples of the reference, where it is not the cohort itself.
    settings
        What differs from the defaults of the ``activity`` section.
    value_scale
        ``counts``, ``rsem`` or ``log2_ratio``: what the values were before the logarithm.
    truth
        STAT3 pY705 by RPPA, indexed like the rows; None where there is none.
    purity
        Share of tumour cells, indexed like the rows; None where unknown.
    """

    name: str
    expression: pd.DataFrame
    rows: pd.DataFrame
    minimum: float | None
    controls: frozenset[str] = frozenset()
    settings: Mapping = field(default_factory=dict)
    value_scale: str = "counts"
    truth: pd.Series | None = None
    purity: pd.Series | None = None


@cache
def _schema() -> dict:
    """Return the schema of the configuration, which holds every default."""
    return yaml.safe_load((PROJECT / "workflow/schemas/config.schema.yaml").read_text())


def activity_settings(**overrides) -> dict:
    """Return the ``activity`` section of a config that sets nothing but ``overrides``."""
    return {**default_of(_schema(), "activity"), **overrides}


def thresholds() -> dict:
    """Return the ``profiles`` section of a config that sets nothing: the evidence rule's defaults."""
    return default_of(_schema(), "profiles")


@cache
def load_axes(regulon: Path | None = None, references: int | None = None) -> pd.DataFrame:
    """Prepare the axes as the workflow does.

    Parameters
    ----------
    regulon
        A decoupler-format network, whose STAT3 targets become the third panel; None for the two bundled panels only.
    references
        Fewest references of a target of that panel; None for the default of ``networks.regulon_min_references``.

    Returns
    -------
    Columns ``axis gene weight panel compartments source``.
    """
    if references is None:
        references = default_of(_schema(), "networks.regulon_min_references")
    axis = read_regulon(regulon, "collectri", references) if regulon else None
    axes, _, _ = build_network(
        [read_axes(RESOURCES / f"networks/{name}.tsv") for name in ("stat3", "rivals", "shared", "programmes")],
        read_text_table(RESOURCES / "networks/ligands.tsv"),
        read_text_table(RESOURCES / "markers/lineages.tsv"),
        read_symbols(RESOURCES / "genes/genes.tsv"),
        axis,
    )
    return axes


@cache
def gene_language() -> tuple[pd.DataFrame, GeneLanguage]:
    """Return the gene table and the vocabulary made of it."""
    table = read_text_table(RESOURCES / "genes/genes.tsv")
    return table, GeneLanguage(table)


def _bulk(file: Path, columns: Mapping[str, str], scale: str) -> pd.DataFrame:
    """Read the samples of a bulk matrix, samples x symbols, log2 scale; ``columns`` maps sample to column."""
    rows = [{"sample": sample, "column": column, "matrix": 0} for sample, column in columns.items()]
    cohort, _ = harmonise_cohort([str(file)], rows, gene_language()[0], scale)
    return cohort.to_df().astype(float).rename_axis(None)


def _rows(index: pd.Index, **columns) -> pd.DataFrame:
    """Lay out the rows of a bulk cohort; every one is to be scored."""
    table = pd.DataFrame({"sample": index, "compartment": "bulk", "stratum": "", "reason": ""}, index=index)
    return table.assign(**columns).rename_axis(None)


def first_per_sample(barcodes) -> dict[str, str]:
    """Map each primary tumour (first 15 characters) to the first of its barcodes in alphabetical order."""
    found: dict[str, str] = {}
    for barcode in sorted(barcodes):
        if barcode[13:SAMPLE_CHARACTERS] in PRIMARY_TUMOUR:
            found.setdefault(barcode[:SAMPLE_CHARACTERS], barcode)
    return found


@cache
def load_tcga(data: Path, cohort: str) -> Cohort:
    """Load the primary tumours of one TCGA cohort, with pY705 and purity where they were measured.

    Parameters
    ----------
    data
        Folder of the public data.
    cohort
        TCGA abbreviation, e.g. ``ACC``.

    Returns
    -------
    The cohort, compared with itself. Purity is the consensus estimate of Aran 2015 (doi 10.1038/ncomms9971) where
    given, else one minus the leukocyte fraction from methylation (Thorsson 2018, doi 10.1016/j.immuni.2018.03.023).
    """
    folder = data / "bulk_pstat3"
    [file] = [path for path in folder.glob(f"tcga_{cohort}_*.parquet")]
    ratio = "log2ratio" in file.name
    columns = first_per_sample(name for name in pd.read_parquet(file).columns if str(name).startswith("TCGA"))
    expression = _bulk(file, columns, "log2_ratio" if ratio else "rsem")
    proteins = pd.read_csv(folder / f"tcga_{cohort}_rppa.tsv.gz", sep="\t", index_col=0)[PHOSPHO].dropna()
    truth = pd.Series({sample: proteins[name] for sample, name in first_per_sample(proteins.index).items()})
    return Cohort(
        name=f"TCGA-{cohort}",
        expression=expression,
        rows=_rows(expression.index),
        minimum=None if ratio else activity_settings()["min_log2_cpm"],
        value_scale="log2_ratio" if ratio else "rsem",
        truth=truth.reindex(expression.index),
        purity=_purity(folder, expression.index),
    )


def _purity(folder: Path, samples: pd.Index) -> pd.Series:
    """Return the purity of TCGA samples, NaN where neither source knows it."""
    estimates = pd.read_csv(folder / "tcga_purity_aran2015.tsv.gz", sep="\t", index_col=0)["CPE"]
    immune = pd.read_csv(folder / "tcga_leukocyte_fraction.tsv.gz", sep="\t", index_col="barcode")["leukocyte_fraction"]
    by_sample = [
        values.groupby(values.index.str[:SAMPLE_CHARACTERS]).first().reindex(samples)
        for values in (estimates, 1 - immune)
    ]
    return by_sample[0].fillna(by_sample[1])


@cache
def load_t84(data: Path) -> Cohort:
    """Load T84 cells treated with IL-22, interferon lambda or both: each time against its own mocks.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows have ``treatment`` (``Mock IFNL IL22 IL22_IFNL``) and ``time``.
    """
    design = pd.read_csv(data / "stimulation/T84_IL22_IFNL_design.tsv", sep="\t", dtype=str).set_index("sample")
    names = dict(zip(design.index, design.index, strict=True))
    expression = _bulk(data / "stimulation/T84_IL22_IFNL_counts.tsv.gz", names, "counts")
    design = design.loc[expression.index]
    return Cohort(
        name="T84",
        expression=expression,
        rows=_rows(expression.index, stratum=design["time"], treatment=design["treatment"], time=design["time"]),
        minimum=activity_settings()["min_log2_cpm"],
        controls=frozenset(design.index[design["treatment"] == "Mock"]),
        settings={"reference": "controls"},
    )


def _pseudobulk(file: Path, group_of) -> tuple[pd.DataFrame, pd.Series]:
    """Sum the cells of each group: groups x symbols as log2(CPM + 1), and the number of cells.

    Parameters
    ----------
    file
        h5ad with counts, cells x genes.
    group_of
        Takes ``obs`` and returns one name per cell; cells without a name are left out.
    """
    cells = ad.read_h5ad(file)
    groups = pd.Series(group_of(cells.obs), index=cells.obs_names)
    member = pd.get_dummies(groups, dtype=float)
    # float64: float32 sums of counts lose units above 16.7 million.
    sums = sparse.csr_matrix(cells.X).astype(float).T @ member.to_numpy()
    found = map_genes(cells.var_names, gene_language()[1], sums.sum(axis=1), file.name)
    linear = sum_rows(sums, found).T
    expression = pd.DataFrame(log2_cpm(linear), index=member.columns, columns=found.symbols)
    return expression, member.sum().astype(int)


@cache
def load_kang(data: Path) -> Cohort:
    """Load blood cells with and without interferon beta: two donors, five cell types, only 1,267 genes.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    One row per donor, condition and cell type; each cell type against its untreated rows. Rows have ``donor``,
    ``treatment`` (``ctrl stim``) and ``cell_type``.
    """
    expression, cells = _pseudobulk(
        data / "stimulation/kang_ifnb_subset.h5ad",
        lambda obs: obs["sample_id"].astype(str) + "|" + obs["cluster_id"].astype(str),
    )
    expression, cells = expression[cells >= MIN_CELLS], cells[cells >= MIN_CELLS]
    sample, cell_type = (expression.index.str.split("|").str[part] for part in (0, 1))
    treatment = sample.str[:4]
    rows = _rows(
        expression.index, stratum=cell_type, donor=sample.str[4:], treatment=treatment, cell_type=cell_type, cells=cells
    )
    return Cohort(
        name="Kang",
        expression=expression,
        rows=rows,
        minimum=activity_settings()["min_log2_cpm"],
        controls=frozenset(expression.index[treatment == "ctrl"]),
        settings={"reference": "controls"},
    )


@cache
def load_aml(data: Path) -> Cohort:
    """Load marrow of leukaemia patients and donors: sums of malignant and of other cells, each kind beside its like.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    One row per sample and compartment (``tumour``, ``microenvironment``) with 20 cells or more.
    """
    compartment = {"malignant": "tumour", "non-malignant": "microenvironment"}
    expression, cells = _pseudobulk(
        data / "single_cell/aml_vangalen_D0_multi_patient.h5ad",
        lambda obs: obs["sample"].astype(str) + "|" + obs["malignant"].astype(str).map(compartment),
    )
    expression, cells = expression[cells >= MIN_CELLS], cells[cells >= MIN_CELLS]
    sample, part = (expression.index.str.split("|").str[position] for position in (0, 1))
    return Cohort(
        name="AML",
        expression=expression,
        rows=_rows(expression.index, sample=sample, compartment=part, cells=cells),
        minimum=activity_settings()["min_log2_cpm"],
    )


def measure(cohort: Cohort, axes: pd.DataFrame, **overrides) -> pd.DataFrame:
    """Measure what the rows of a cohort are compared with (`measure_references`)."""
    settings = activity_settings(**cohort.settings, **overrides)
    return measure_references(
        cohort.expression, cohort.rows, axes, settings, cohort.minimum, set(cohort.controls), cohort.value_scale
    )


def score(cohort: Cohort, axes: pd.DataFrame, **overrides) -> pd.DataFrame:
    """Score a cohort as the workflow does.

    Parameters
    ----------
    cohort, axes
        The cohort and the axes (`load_axes`).
    **overrides
        What differs from the defaults of the ``activity`` section, beside what the cohort sets.

    Returns
    -------
    One row per sample x compartment x axis, with q values.
    """
    settings = activity_settings(**cohort.settings, **overrides)
    references = measure(cohort, axes, **overrides)
    controls = set(cohort.controls)
    scores = score_rows(cohort.expression, cohort.rows, axes, settings, cohort.minimum, controls, references)
    return scores.assign(reason=scores["reason"].fillna(""), q_value=benjamini_hochberg(scores))


def prepare_rows(cohort: Cohort, axes: pd.DataFrame, compartment: str = "bulk") -> tuple[Prepared, Reference]:
    """Standardise the rows of one compartment as scoring does.

    Parameters
    ----------
    cohort, axes
        The cohort and the axes.
    compartment
        Which of its rows.

    Returns
    -------
    Profiles, weights and strata; and what the rows are compared with, without inflation factors.
    """
    settings = activity_settings(**cohort.settings)
    rows = cohort.rows[cohort.rows["compartment"] == compartment]
    chosen = reference_rows(rows, settings, set(cohort.controls))
    reference = fit_reference(cohort.expression.loc[chosen.index], chosen["stratum"], settings["min_scale"])
    values, members = cohort.expression.loc[rows.index], set(chosen.index)
    return prepare(values, rows, reference, members, axes, cohort.minimum, settings), reference


def states(scores: pd.DataFrame, tumour_type: str) -> pd.Series:
    """Apply the evidence rule to every scored row.

    Parameters
    ----------
    scores
        From `score`.
    tumour_type
        As in the config: the epithelial panel votes in ``carcinoma`` only.

    Returns
    -------
    ``ON``, ``OFF`` or ``UNKNOWN`` by sample and compartment. "Called active" means ``ON``.
    """
    limits = thresholds()
    found = {
        (sample, compartment): state_of(
            evidence_from_rows(compartment, {row["axis"]: row for row in part.to_dict("records")}, tumour_type, False),
            limits,
        ).value
        for (sample, compartment), part in scores.groupby(["sample", "compartment"], sort=False)
    }
    return pd.Series(found)


def lay_out(rows: list[dict]) -> pd.DataFrame:
    """Lay out the rows of a check in the columns that all checks share; what a row does not say is empty."""
    return pd.DataFrame(rows).reindex(columns=COLUMNS)
