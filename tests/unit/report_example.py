"""Made-up result tables of a cohort, with the columns of the contract, for the tests of the report."""

import io

import numpy as np
import pandas as pd

from stat3act.compartments.arms import ARM_COLUMNS
from stat3act.compartments.cells import AGREEMENT_COLUMNS, CLUSTER_COLUMNS
from stat3act.profiles.drivers import DRIVER_COLUMNS, INTERNAL
from stat3act.profiles.groups import group_table
from stat3act.profiles.lesions import LESION_COLUMNS
from stat3act.profiles.tables import CALL_COLUMNS, PROFILE_COLUMNS
from stat3act.validation.calibration import CALIBRATION_COLUMNS
from stat3act.validation.selfcheck import SELFCHECK_COLUMNS

AXES = [
    "stat3_core",
    "stat3_epithelial",
    "stat3_regulon",
    "ifn_stat1",
    "nfkb",
    "hypoxia",
    "proliferation",
    "dissociation_stress",
    "u_stat3",
    "programme:acute_phase",
    "programme:immune_evasion",
]
LINEAGES = ["fibroblast", "endothelial", "myeloid", "lymphoid"]
CALLS = ["TUMOUR_INTRINSIC_ACTIVE", "STROMA_ACTIVE", "BOTH_ACTIVE", "INACTIVE", "INACTIVE", "INDETERMINATE"]
STATES = {
    "TUMOUR_INTRINSIC_ACTIVE": ("ON", "OFF"),
    "STROMA_ACTIVE": ("OFF", "ON"),
    "BOTH_ACTIVE": ("ON", "ON"),
    "INACTIVE": ("OFF", "OFF"),
    "INDETERMINATE": ("UNKNOWN", "OFF"),
}
QC_CELLS = (
    "cells_in cells_low_counts cells_low_genes cells_high_mitochondrial cells_doublet cells_kept median_counts_before "
    "median_counts_after median_genes_before median_genes_after median_mitochondrial_before "
    "median_mitochondrial_after doublet_status"
)


def text_of(table: pd.DataFrame) -> str:
    """The text that the workflow writes for a table."""
    return table.to_csv(None, sep="\t", index=False, float_format="%.6g", na_rep="", lineterminator="\n")


def _profile_row(rng, sample, compartment, axis, mean, reason):
    row = dict.fromkeys(PROFILE_COLUMNS)
    row.update(sample=sample, patient=f"P{sample[1:]}", compartment=compartment, axis=axis)
    row.update(reference="cohort (n=12)", reason=reason, leading_genes="")
    row.update(n_cells=int(rng.integers(40, 2000)), fraction=float(rng.uniform(0.05, 0.6)))
    if reason:
        row.update(n_cells=int(rng.integers(0, 19)))
        return row
    activity = float(rng.normal(mean, 0.4))
    width = float(rng.uniform(0.8, 1.6))
    row.update(
        score=activity * 1.3 + float(rng.normal(0, 0.5)),
        activity=activity,
        ci_low=activity - width,
        ci_high=activity + width,
        p_value=float(np.exp(-(max(activity, 0) ** 2))),
        q_value=float(np.exp(-(max(activity, 0) ** 2) / 2)),
        n_targets=int(rng.integers(18, 40)),
        coverage=float(rng.uniform(0.7, 1)),
        reliability=1.0,
        leading_genes="SOCS3;BCL3;PIM1;CISH;JUNB",
        activity_without_top_gene=activity - 0.3,
    )
    return row


def _mean_of(axis: str, on: bool, interferon: bool) -> float:
    if axis.startswith("stat3"):
        return 3.5 if on else -0.4
    return 4.0 if axis == "ifn_stat1" and interferon else 0.0


def _call_row(sample, call, rows):
    core = {row["compartment"]: row for row in rows if row["axis"] == "stat3_core"}
    row = dict.fromkeys(CALL_COLUMNS)
    tumour, environment = STATES[call]
    row.update(sample=sample, patient=f"P{sample[1:]}", call=call, tumour_state=tumour)
    row.update(microenvironment_state=environment, bulk_state="ON" if "ON" in (tumour, environment) else "OFF")
    for name in ("tumour", "microenvironment"):
        for column in ("activity", "ci_low", "ci_high"):
            row[f"{name}_{column}"] = core[name][column] if name in core else None
    row.update(bulk_activity=core["bulk"]["activity"], bulk_score=core["bulk"]["score"])
    row.update(confidence="low" if call == "INDETERMINATE" else "high", dominant_lineage="myeloid")
    row.update(reason_codes="LOW_CELLS" if call == "INDETERMINATE" else "", driver="IL6 (myeloid, paracrine)")
    row.update(ifn_activity=0.2, noncanonical="", purity=0.55, purity_source="cells")
    row["statement"] = f"{call}: made-up statement of {sample}."
    return row


def build(samples: int = 12, kind: str = "single_cell", seed: int = 7) -> dict[str, pd.DataFrame]:
    """Tables of a cohort of ``samples`` samples; ``kind`` is single_cell, bulk (unsplit) or bulk_split."""
    rng = np.random.default_rng(seed)
    compartments = {
        "single_cell": ["tumour", "microenvironment", *LINEAGES, "bulk"],
        "bulk_split": ["tumour", "microenvironment", "bulk"],
        "bulk": ["bulk"],
    }[kind]
    profiles, calls, composition, drivers, qc, expected = [], [], [], [], [], []
    for number in range(samples):
        sample = f"S{number + 1:04d}"
        call = CALLS[number % len(CALLS)]
        tumour, environment = (state == "ON" for state in STATES[call])
        rows = []
        for compartment in compartments:
            on = tumour if compartment == "tumour" else environment or (compartment == "bulk" and tumour)
            if number == 11 and compartment == "tumour":
                continue  # a compartment can be missing altogether
            unknown = call == "INDETERMINATE" and compartment in ("tumour", "lymphoid")
            reason = "LOW_CELLS" if unknown else ""
            rows += [
                _profile_row(rng, sample, compartment, axis, _mean_of(axis, on, number % 6 == 4), reason)
                for axis in AXES
            ]
            share = {"tumour": 0.55, "microenvironment": 0.4, "bulk": 1.0}.get(compartment, 0.08)
            composition.append((sample, compartment, rows[-1]["n_cells"], share, reason))
        profiles += rows
        whole = {"call": "INDETERMINATE", "reason_codes": "BULK_ONLY"} if kind == "bulk" else {}
        calls.append(_call_row(sample, call, rows) | whole)
        if tumour or environment:
            trans = ("IL6 trans", "myeloid", "tumour", "IL6", "IL6R;IL6ST", 5.2, 4.1, 6.0, "paracrine", True)
            osm = ("OSM", "tumour", "tumour", "OSM", "OSMR;IL6ST", 3.4, 4.4, 6.0, "autocrine", False)
            inside = ("IL6 trans", "fibroblast", "myeloid", "IL6", "IL6ST", 5.0, 4.0, 6.0, INTERNAL, True)
            drivers += [(sample, *inside), (sample, *trans), (sample, *osm)]
        genes = dict(genes_in=20000, genes_kept=19000, genes_unmapped=850, genes_ambiguous=50, genes_merged=100)
        genes |= dict(example_unmapped="AC000001.1;AC000002.1", library_size=float(rng.integers(10**6, 10**7)))
        cells = dict.fromkeys(QC_CELLS.split(), 10) | dict(cells_in=1000, cells_kept=900 - number % 40)
        cells |= dict(doublet_status="scrublet")
        qc.append({"sample": sample} | genes | (cells if kind == "single_cell" else {}))
        expected.append((sample, call, calls[-1]["call"], call == calls[-1]["call"]))
    tables = {
        "calls": pd.DataFrame(calls, columns=CALL_COLUMNS),
        "activation_profiles": pd.DataFrame(profiles, columns=PROFILE_COLUMNS),
        "drivers": pd.DataFrame(drivers if kind != "bulk" else [], columns=DRIVER_COLUMNS),
        "lesions": lesions_table(kind),
        "groups": group_table(pd.DataFrame(profiles, columns=PROFILE_COLUMNS), sheet(samples), ["subtype"], 0.9),
        "qc": pd.DataFrame(qc),
        "composition": pd.DataFrame(composition, columns=["sample", "compartment", "n_cells", "fraction", "reason"]),
        "expected": pd.DataFrame(expected, columns=["sample", "expected", "found", "right"]),
        "phospho": phospho_table(),
    }
    if kind == "single_cell":
        tables |= cell_tables([row["sample"] for row in qc])
    if kind == "bulk_split":
        tables |= selfcheck_tables()
    return tables


def lesions_table(kind: str) -> pd.DataFrame:
    """Genetic lesions; bulk cohorts were not sequenced."""
    rows = [
        (
            "S0001",
            "STAT3",
            "p.Y640F",
            "missense",
            "known",
            "STAT3 that dimerises without a signal",
            "PMID:1;doi:2",
            "SH2",
        ),
        ("S0001", "JAK1", "p.S703I", "missense", "possible", "kinase", "PMID:3", ""),
    ]
    return pd.DataFrame(rows if kind == "single_cell" else [], columns=LESION_COLUMNS)


def selfcheck_tables() -> dict[str, pd.DataFrame]:
    """Self-check and calibration of two axes; the tumour is not recovered below a purity of 0.4."""
    found, calibration = [], []
    for side, axis in ((side, axis) for side in ("tumour", "microenvironment") for axis in ("stat3_core", "nfkb")):
        for number, low in enumerate((0.2, 0.4, 0.6, 0.8)):
            high = round(low + 0.2, 1)
            weak = side == "tumour" and low < 0.4
            for kind in ("planted", "natural"):
                leak = (0.8, 0.1) if kind == "planted" else (None, None)
                numbers = (80, 0.1 if weak else 0.7 + 0.05 * number, *leak, 0.9, 0.25, 0.04, 0.9)
                found.append(("reference.tsv", kind, side, axis, low, high, *numbers))
            calibration.append((side, axis, low, high, 120, 0.6 - 0.05 * number, 0.01, False))
    return {
        "selfcheck": pd.DataFrame(found, columns=SELFCHECK_COLUMNS),
        "calibration": pd.DataFrame(calibration, columns=CALIBRATION_COLUMNS),
    }


def cell_tables(samples: list[str]) -> dict[str, pd.DataFrame]:
    """Clusters, labels beside findings, and gains and losses; the last sample has no malignant cells."""
    clusters, agreement, arms = [], [], []
    for number, sample in enumerate(samples):
        clusters.append((sample, "0", 200, "epithelial", "epithelial", 0.9, 190, 0, 10, 17.5, 8.0, "BETWEEN"))
        clusters.append((sample, "1", 60, "myeloid", "macrophage", 0.8, 0, 60, 0, None, 8.0, ""))
        agreement.append((sample, "malignant", "malignant", "malignant", 180))
        agreement.append((sample, "malignant", "malignant", "uncertain", 10))
        agreement.append((sample, "lineage", "myeloid", "myeloid", 60))
        if number < len(samples) - 1:
            arms += [(sample, arm, 200, ratio) for arm, ratio in (("10q", -0.5), ("2p", 0.1), ("1p", 0.4))]
    return {
        "clusters": pd.DataFrame(clusters, columns=CLUSTER_COLUMNS),
        "agreement": pd.DataFrame(agreement, columns=AGREEMENT_COLUMNS),
        "arms": pd.DataFrame(arms, columns=["sample", *ARM_COLUMNS]),
    }


def phospho_table() -> pd.DataFrame:
    """Agreement with phospho measurements in two groups."""
    methods = ["activity", "score", "STAT3 mRNA", "SOCS3 mRNA", "Hallmark-like", "purity"]
    values = [0.45, 0.38, 0.12, 0.22, 0.30, -0.15]
    return pd.DataFrame(
        [
            (group, method, value - shift, value - shift - 0.2, value - shift + 0.2, 70)
            for group, shift in (("all", 0.0), ("purity >= 0.5", 0.05))
            for method, value in zip(methods, values, strict=True)
        ],
        columns=["group", "method", "spearman", "low", "high", "n"],
    )


def texts(samples: int = 12, kind: str = "single_cell", seed: int = 7) -> dict[str, str]:
    """The same tables as the text of their files."""
    return {name: text_of(table) for name, table in build(samples, kind, seed).items()}


def sheet(samples: int = 12) -> list[dict]:
    """Rows of a sample sheet, one metadata value with HTML in it."""
    subtypes = ["basal", "luminal", "<b>odd & bold</b>"]
    return [
        {"sample": f"S{n + 1:04d}", "patient": f"P{n + 1:04d}", "subtype": subtypes[n % 3], "age": str(40 + n % 40)}
        for n in range(samples)
    ]


def config(kind: str = "single_cell") -> dict:
    """An effective configuration: every default of the schema filled in."""
    from pathlib import Path

    import yaml

    root = Path(__file__).resolve().parents[2]
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))

    def fill(part, given):
        filled = dict(given)
        for key, child in part.get("properties", {}).items():
            value = filled.get(key, child.get("default"))
            if child.get("type") == "object" and "properties" in child:
                value = fill(child, value or {})
            filled[key] = value
        return filled

    assay = "single_cell" if kind == "single_cell" else "bulk"
    given = {"cohort": "example", "samples": "samples.tsv", "expression": {"type": assay, "scale": "counts"}}
    given["report"] = {"source": "Made up <by> the tests"}
    if kind == "bulk_split":
        given["compartments"] = {"reference": "reference.tsv"}
    return fill(schema, given)


def provenance(samples: int = 12) -> dict:
    """A provenance record."""
    return {
        "cohort": "example",
        "seed": 20181,
        "code_sha256": "c" * 64,
        "network_sha256": "a" * 64,
        "python": "3.11.2",
        "packages": {"decoupler": "2.2.0", "scanpy": "1.11.5", "snakemake": "9.27.1"},
        "inputs": [{"path": f"data/S{n + 1:04d}.h5ad", "bytes": 1000, "sha256": "b" * 64} for n in range(samples)],
    }


def network() -> dict:
    """What the networks stage records."""
    return {"sha256": "a" * 64, "axes": {"stat3_core": 30, "ifn_stat1": 40}, "regulon": {"source": "none"}}


def read(text: str) -> pd.DataFrame:
    """Parse a table's text as `stat3act.tables.read_table` does."""
    return pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False, na_values=[""])
