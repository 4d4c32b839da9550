"""The bulk validation page and its figures, made from ``results/validation/bulk.tsv`` alone."""

from pathlib import Path

import pandas as pd

from bulk import corners, coverage, figures, natural, planted, real, speed
from bulk.peer import GENES, ITERATIONS, NAME
from bulk.peer import SAMPLES as PEER_SAMPLES
from scoring.page import goals
from scoring.writing import grid, listing, number, paragraph, with_interval
from stat3act.tables import write_text

LIMITS = (
    "Every truth here but that of the real samples is made: profiles of real cell states, mixed and changed by rules "
    "that we chose. There is no public bulk tumour whose compartments were measured one by one.",
    "The microenvironment of the melanoma and breast mixtures is made of the very states that the reference holds; "
    "only the tumours are left out. Real stroma differs from patient to patient as tumours do. Of the leukaemia both "
    "compartments are left out.",
    "Few patients stand behind the natural mixtures: seven of melanoma, sixteen of breast cancer, five or six of "
    "leukaemia are left out at a time, and a tumour has the same truth in all of its mixtures.",
    "The own score of a compartment is itself a score: it says what the panel would have shown, not what the protein "
    "did.",
)


def planted_section(table: pd.DataFrame) -> list[str]:
    """Write the section on planted activity."""
    rows = table[table["check"] == planted.CHECK]
    every = table[(table["check"] == planted.EVERY) & (table["dataset"] == "all")]
    small = table[table["check"] == planted.SMALL]
    shown = rows[(rows["dataset"] == "all") & ~rows["group"].str.endswith("unknown")]
    parts = [
        "## Planted truth: does the score follow its own compartment?",
        paragraph(f"""
            {planted.__doc__.split(chr(10) * 2, 1)[1]} Mean and 5-95 % range over {
            rows["n"]
            .where(rows["method"] == "oracle")
            .max():.0f} cohorts, on the samples that our method does not call unknown. `oracle` is the score of
            the true profile of the compartment: what a perfect split would give. `bulk` is the unsplit score,
            `bulk_purity` what a line in the estimated purity leaves of it, `attribution` the score of attributed
            expression (purify, then score), `updated_attribution` the same with every sample's own tumour profile
            fitted again."""),
        "![Loadings by method](images/bulk_planted.svg)",
        grid(shown, "group", "method", with_interval),
        "By reference, without ranges:",
        grid(
            rows[
                (rows["dataset"] != "all") & rows["method"].isin(["activity", "oracle", "bulk", "attribution"])
            ].assign(method=lambda part: part["dataset"] + ", " + part["method"]),
            "group",
            "method",
        ),
        "Samples that our method does not know (share):",
        grid(rows[rows["group"].str.endswith("unknown")], "group", "method"),
        "The other methods on all samples:",
        grid(every, "group", "method"),
    ]
    if len(small):
        parts += [
            paragraph(f"""
                Beside {NAME} (PyPI), which is too slow for these cohorts: one cohort of {PEER_SAMPLES} samples from
                each reference, on {GENES:,} genes that hold all scored ones, {ITERATIONS} iterations. All methods get
                the same data. Few samples and few genes: the ranking counts, not the second digit."""),
            grid(small[small["dataset"] == "all"], "group", "method"),
        ]
    return parts


def natural_section(table: pd.DataFrame) -> list[str]:
    """Write the section on mixtures without planted activity."""
    rows = table[table["check"] == natural.CHECK]
    agreement = rows[rows["group"].str.contains("Spearman")]
    rest = rows[~rows["group"].str.contains("Spearman")]
    layout = "dataset", "method"
    return [
        "## Natural truth: the compartment's own score",
        paragraph(f"""
            {natural.__doc__.split(chr(10) * 2, 1)[1]} Spearman's correlation, mean over cohorts, on the samples that
            our method knows. Where the two truths themselves go together (`data`), a score of the other compartment, or
            of the bulk, looks good as well. The core panel is scored beside the rivals of a run and compared with its
            own truth."""),
        *(
            part
            for group, found in agreement.groupby("group", sort=False)
            for part in (f"{group}:", grid(found, *layout))
        ),
        "![Spearman by purity](images/bulk_natural.svg)",
        paragraph("""
            All cohorts of a data set together, by true purity. The dashed line is the goal over all purities. Below,
            the error of purity, the share of unknown samples, and the least that our method gains over the unsplit bulk
            in a bin above 40 % purity (negative: it loses)."""),
        grid(rest, "dataset", "group"),
    ]


def coverage_section(table: pd.DataFrame) -> list[str]:
    """Write the section on intervals."""
    rows = table[table["check"] == coverage.CHECK]
    lent = rows["dataset"].str.contains("calibrated on").any()
    text = "" if lent else "The method in use learns nothing from a reference beforehand, so there is nothing to lend."
    return [
        "## Intervals",
        paragraph(f"{coverage.__doc__} {text}"),
        "![Coverage by purity](images/bulk_coverage.svg)",
        "Share of 90 % intervals that hold the truth:",
        grid(rows, "dataset", "group"),
        "Share of unknown samples:",
        grid(table[table["check"] == coverage.UNKNOWN], "dataset", "group"),
    ]


def corners_section(table: pd.DataFrame) -> list[str]:
    """Write the section on calls."""
    rows = table[table["check"] == corners.CHECK]
    whole = rows["group"].str.startswith("all:")
    return [
        "## Four corners, and decoys",
        paragraph(corners.__doc__.split("\n\n")[1]),
        paragraph(corners.__doc__.split("\n\n")[2]),
        grid(
            rows[whole].assign(method=rows["method"] + ", " + rows["dataset"], group=rows["group"].str[5:]),
            "method",
            "group",
            with_interval,
        ),
        "![Calls by what was planted](images/bulk_corners.svg)",
        paragraph("Numbers of samples, all cohorts together. By what was planted:"),
        grid(rows[~whole], "group", "method", lambda row: number(row["value"]) if row["n"] else "none decided"),
    ]


def real_section(table: pd.DataFrame) -> list[str]:
    """Write the section on real bulk."""
    rows = table[table["check"] == real.CHECK]
    flags = table[table["check"] == real.FLAG]
    blood = table[table["check"] == real.BLOOD]
    told = flags.assign(words=flags["group"] + flags["value"].map(" ({:.0%} of the samples)".format))
    told = told.groupby("dataset", sort=False)["words"].agg("; ".join)
    return [
        "## Real bulk",
        paragraph(real.__doc__.split("\n\n")[1]),
        grid(rows, "group", "dataset"),
        "![Estimated and known fractions](images/bulk_real.svg)",
        paragraph("""
            A reference of another tissue has no state that looks like the tumour, so that its reads go to whatever
            resembles them most, stroma and normal epithelium of the reference among it. Leukocytes are much alike in
            all tissues, so that their share asks less of the reference. What the check of the reference says of the
            samples (a flag caps the confidence of their calls):"""),
        listing(f"{dataset}: {flag}" for dataset, flag in told.items()),
        paragraph("""
            Eight samples of blood cells (Hoek 2015) with flow cytometry: shares among the gated cells, from the
            microenvironment states of each reference, beside non-negative least squares (NNLS) on the same genes. An
            empty cell is a cell type that the method finds in no sample, or one the reference lacks. Monocytes of blood
            are compared with macrophages and monocytes of tumours."""),
        grid(blood.assign(method=blood["dataset"] + ", " + blood["method"]), "group", "method"),
    ]


def speed_section(table: pd.DataFrame) -> list[str]:
    """Write the section on speed and memory."""
    rows = table[table["check"] == speed.CHECK]
    beside = table[table["check"] == speed.PEER]
    parts = [
        "## Speed and memory",
        paragraph(f"{speed.__doc__.split(chr(10) * 2)[1]} Times are those of the machine at hand, which was not idle."),
        grid(rows, "group", "dataset"),
        "![Cost against samples, genes and states](images/bulk_speed.svg)",
    ]
    if len(beside):
        parts += [
            paragraph(f"""
                Beside {NAME} in the same run, on mixtures of melanoma states ({beside["dataset"].iloc[0]}); the same by
                itself with `benchmarks/deconvolve.py`. Ours runs until no fraction moves by more than 1e-5; theirs
                is the mean of half of its iterations."""),
            grid(beside, "group", "method"),
        ]
    return parts


SECTIONS = {
    planted.CHECK: planted_section,
    natural.CHECK: natural_section,
    coverage.CHECK: coverage_section,
    corners.CHECK: corners_section,
    real.CHECK: real_section,
    speed.CHECK: speed_section,
}


def write_page(table: pd.DataFrame, folder: Path, table_name: str) -> None:
    """Write the page and its figures.

    Parameters
    ----------
    table
        The validation table, as read from its file.
    folder
        Folder of the page; figures go to its ``images``.
    table_name
        Path of the table, for the text.
    """
    for name, svg in figures.draw_all(table).items():
        write_text(folder / "images" / f"{name}.svg", svg)
    present = set(table["check"])
    met = table["met"].eq("yes").sum(), table["met"].notna().sum()
    text = [
        "# Which compartment of the bulk? The split, measured",
        paragraph(f"""
            Everything on this page is computed by one command from public data, and the page is written from its
            table, `{table_name}`. {met[0]} of {met[1]} goals are met. Seeds are fixed once. Tumours of the mixtures
            are never in the reference. The scored panel is a regulon of CollecTRI (STAT3 targets with three papers or
            more, without ligands and STAT3 itself), beside interferon and NF-kB; where calls are made, the panels of
            the workflow."""),
        "    make validate-bulk STAT3_DATA=<folder>",
        goals(table),
        *(part for check, write in SECTIONS.items() if check in present for part in write(table)),
        "## What this does not show",
        listing(LIMITS),
    ]
    write_text(folder / "bulk.md", "\n\n".join(text) + "\n")
