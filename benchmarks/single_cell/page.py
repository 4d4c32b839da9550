"""The single-cell validation page and its figures, made from ``results/validation/single-cell.tsv`` alone."""

from pathlib import Path

import pandas as pd

from scoring.page import goals
from scoring.writing import grid, listing, markdown, number, paragraph, with_interval
from single_cell import figures
from single_cell.malignant import OWN, PATIENTS, WHOLE
from stat3act.tables import write_text

LIMITS = (
    "The oligodendroglioma (184 cells that were chosen to be shown) and the leukaemia were looked at while the callers "
    "were built; that blood is not called without `candidates` is a rule made after these marrows were seen. They show "
    "that the method does what it was made for; they are no independent test.",
    "In the oligodendroglioma any score that knows the normal lineages separates the cells. What it shows is that the "
    "lineages were found without labels, and what happens without a reference.",
    "The leukaemia labels come from a classifier, not from DNA. A normal cell that is called malignant may be one that "
    "the classifier missed, or the other way round; these data cannot tell.",
    "Blood cells have few copy-number changes: that hardly any malignant cell is found without labels is the finding, "
    "not a success.",
    "No data set here has normal and malignant epithelium side by side, which is the hard case of a carcinoma.",
    "Kang's data hold 1,267 genes per cell, chosen by their variance. The cells of head and neck cancer were "
    "chosen as good examples of their types.",
    "The large samples of the speed table are mixtures of 302 cells. Their variety is that of one small tumour.",
)


def split_rows(rows: pd.DataFrame, separator: str, names: tuple[str, str]) -> pd.DataFrame:
    """Split the groups of rows at a separator into two columns."""
    parts = rows["group"].str.split(separator, n=1, expand=True, regex=False)
    return rows.assign(**{names[0]: parts[0], names[1]: parts[1]})


def malignant(table: pd.DataFrame) -> list[str]:
    """Write the section on the oligodendroglioma."""
    rows = table[table["check"] == "malignant"]
    ours = rows[rows["method"] == "activity"]
    readings = ours.assign(dataset=ours["dataset"].str.split(", ", n=1).str[1])
    patients = table[table["check"] == "malignant_patient"]
    patients = patients.assign(dataset=patients["dataset"].str.split(", ", n=1).str[1])
    arms = table[table["check"] == "arm_ratio"]
    lost = arms.assign(text=arms["group"] + " (" + arms["value"].map(number) + ")").groupby("dataset", sort=False)
    named = lost["text"].agg(lambda texts: ", ".join(texts.head(5)))
    return [
        "## Malignant cells of oligodendroglioma, without labels",
        paragraph(f"""
            142 malignant cells of four patients, 19 microglia or macrophages and 23 oligodendrocytes of three (Tirosh
            2016). Read once as if all were one sample (`{WHOLE}`), once patient by patient with the defaults, where a
            sample with fewer than 20 normal cells borrows those of the others (`{PATIENTS}`), and once with
            `compartments.malignant.reference: sample` (`{OWN}`). A malignant cell that stays `uncertain` counts as
            missed. Every cell is kept: one patient has 11 cells, and a run refuses fewer than 20, which was switched
            off."""),
        grid(readings, "group", "dataset", with_interval),
        paragraph("""
            Beside it, on the same cells as one sample, what infercnvpy's scores give. They have the normal lineages
            that our method found as their reference, except where the mean of all cells is named, which is what
            infercnvpy takes when it is told none. Their thresholds are the best ones in hindsight, which no user has;
            the mixture of two needs no threshold. The AUC of the activity takes the probability, and 0 for cells whose
            lineage cannot be malignant."""),
        grid(rows[rows["dataset"].str.endswith(WHOLE)], "method", "group"),
        "![Malignant calls by method](images/single_cell_malignant.svg)",
        paragraph("""
            Gains and losses of the cells that were called malignant, by chromosome arm: mean log2 ratio to the normal
            lineages. One of two copies lost gives about -0.5 to -0.8 here. An oligodendroglioma lacks 1p and 19q by
            definition."""),
        "![Chromosome arms](images/single_cell_arms.svg)",
        "The five arms most lost, in each reading:",
        listing(f"{dataset}: {arms}" for dataset, arms in named.items()),
        "Patient by patient:",
        grid(patients, "dataset", "group"),
    ]


def marrow(table: pd.DataFrame) -> list[str]:
    """Write the section on leukaemia."""
    rows = table[table["check"] == "marrow"]
    samples = split_rows(table[table["check"] == "marrow_sample"], ": ", ("sample", "what"))
    samples = samples[samples["method"] != "activity"]
    wrong = table[table["check"] == "marrow_wrong"]
    types = (
        "Cells that are called malignant although labelled normal, candidates given (share of their type in patients):",
        grid(
            wrong.assign(method="called malignant"),
            "group",
            "method",
            lambda row: f"{number(row['value'])} of {row['n']:.0f}",
        ),
    )
    return [
        "## Leukaemia: silence where copy number is silent",
        paragraph("""
            Marrow of 15 patients with acute myeloid leukaemia and of 3 donors (van Galen 2019), with the workflow's
            quality control. `activity` knows only that the cohort is haematological. `candidates given` has
            `compartments.malignant.candidates: [myeloid, progenitor, erythroid]`, as a user would write who knows the
            disease. Shares of cells; normal and malignant as the authors labelled them, cells that they left open not
            counted. The mixtures of two are forced to split every sample, with the lymphocytes as the reference."""),
        grid(rows, "group", "method", with_interval),
        paragraph("""
            By sample, candidates given. An uncertain cell is in neither compartment, and the profile says so
            (`UNCERTAIN_CELLS`)."""),
        grid(samples, "sample", "what"),
        *(types if len(wrong) else ()),
    ]


def lineages(table: pd.DataFrame) -> list[str]:
    """Write the section on lineages with the confusion tables."""
    rows = table[table["check"] == "lineage"]
    confusion = split_rows(table[table["check"] == "confusion"], " -> ", ("truth", "found"))
    parts = [
        "## Lineages without labels",
        paragraph("""
            Share of cells with the right lineage; `unknown` counts as wrong. The other two methods score the same
            clusters with the same markers; they never say unknown. Kang's cells are not filtered: limits for whole
            transcriptomes do not apply to 1,267 genes. The cells of head and neck cancer come as log2(TPM/10 + 1),
            which is turned back as a run asks for linear values."""),
        grid(rows[rows["group"] == "right"], "dataset", "method", with_interval),
        "![Lineage accuracy by method](images/single_cell_lineages.svg)",
        grid(rows[(rows["method"] == "activity") & (rows["group"] != "right")], "dataset", "group"),
        paragraph("""
            Where cells went, in numbers of cells. In marrow, granulocyte-monocyte progenitors (GMP) stand under
            progenitors in the cohort's config and are taken for myeloid cells by their markers; both have a point.
            Malignant blasts (`-like`) are expected in the lineage that they resemble."""),
    ]
    for dataset, part in confusion.groupby("dataset", sort=False):
        counts = part.pivot_table(index="truth", columns="found", values="n", sort=True).map(number)
        # Cells without a lineage come last.
        counts = counts[sorted(counts, key=lambda name: (name == "unknown", name))]
        parts += [f"{dataset}:", markdown(counts.rename_axis("").reset_index())]
    return parts


def agreement(table: pd.DataFrame) -> list[str]:
    """Write the section on copykat."""
    rows = table[table["check"] == "copykat"]
    cells = table[table["check"] == "copykat_cell"]
    differ = cells["dataset"].str.startswith("cell").groupby(cells["dataset"]).first().sum()
    return [
        "## Agreement with copykat",
        paragraph(f"""
            copykat's example, one carcinoma; {rows["n"].max():.0f} of its 302 cells pass quality control. Its call is
            an opinion, not the truth. {differ:.0f} cells differ. Thresholds of the other scores are again the best in
            hindsight, against copykat."""),
        grid(rows, "method", "group"),
        paragraph("""
            The cells that differ, beside the medians of both kinds. The correlation is that of the cell's infercnvpy
            profile with the consensus of the strongest cells. The lineage is that of the cluster, so a
            tumour cell in a cluster of another lineage is not called malignant: it is uncertain where its copy number
            looks malignant, else non-malignant."""),
        grid(cells, "group", "dataset"),
    ]


def odd(table: pd.DataFrame) -> list[str]:
    """Write the section on odd samples."""
    rows = split_rows(table[table["check"] == "odd"], ": ", ("sample", "what"))
    rows = rows.assign(sample=rows["dataset"] + ", " + rows["sample"])
    told = table[table["check"] == "odd_profile"]
    return [
        "## Odd samples",
        paragraph("""
            Samples made of real cells, each in one cohort with ordinary ones, from clustering to the calls: only normal
            cells (donors' marrow; microglia and oligodendrocytes; immune cells), only tumour cells, 30 cells, and
            no immune cell."""),
        grid(rows, "sample", "what"),
        "Call with its codes, and the compartments without a score with the reason:",
        listing(f"{row.dataset}, {row.group}" for row in told.itertuples()),
    ]


def ambient(table: pd.DataFrame) -> list[str]:
    """Write the section on ambient RNA."""
    rows = table[table["check"] == "ambient"]
    samples = split_rows(table[table["check"] == "ambient_sample"], ": ", ("sample", "what"))
    return [
        "## Ambient RNA",
        paragraph("""
            Every cell of a leukaemia sample loses a tenth of its counts at random and gains as many that are drawn from
            the sum of all cells of the sample. Tumour activity by the authors' labels, before and after, against the
            cohort as it was; the ambient share of the tumour's counts as the guard measures it, which should rise by
            about 0.1 less a tenth of itself."""),
        grid(rows, "group", "method", with_interval),
        grid(samples, "sample", "what"),
    ]


def repeat(table: pd.DataFrame) -> list[str]:
    """Write the section on determinism."""
    return [
        "## Same input, same seed",
        paragraph("""
            Labels of the oligodendroglioma's patients, copykat's example and two leukaemia samples, in fresh processes:
            again with one thread, and with two. Shares of samples with the same words, and of tables with the
            same bytes."""),
        grid(table[table["check"] == "repeat"], "group", "method"),
    ]


def speed(table: pd.DataFrame) -> list[str]:
    """Write the section on speed and memory."""
    rows = table[table["check"] == "speed"]
    cells = table[table["check"] == "speed_cells"]
    genes = ", ".join(f"{value:,.0f}" for value in cells["value"])
    return [
        "## Speed and memory",
        paragraph(f"""
            Seconds by stage and peak memory of a fresh process with one thread, on cells made of copykat's 302
            ({genes} genes per cell in the median). `normalise` runs in both jobs of a sample. `infercnvpy` is
            `infercnvpy.tl.infercnv` alone with `n_jobs=1`, on the same cells and genes, against the normal lineages
            that we found; it makes no calls. Times are those of the machine at hand, two cores that were not idle."""),
        grid(rows.assign(method=rows["dataset"] + ", " + rows["method"]), "group", "method"),
        "![Seconds and memory](images/single_cell_speed.svg)",
    ]


SECTIONS = {
    "malignant": malignant,
    "marrow": marrow,
    "lineage": lineages,
    "copykat": agreement,
    "odd": odd,
    "ambient": ambient,
    "repeat": repeat,
    "speed": speed,
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
        "# Who is malignant, who is not, and when we cannot know: single-cell compartments",
        paragraph(f"""
            Everything on this page is computed by one command from public data, and the page is written from its
            table, `{table_name}`. {met[0]} of {met[1]} goals are met. Cells are read, harmonised and filtered as in a
            run with the defaults; what was changed is said."""),
        "    make validate-single-cell STAT3_DATA=<folder>",
        goals(table),
        *(part for check, write in SECTIONS.items() if check in present for part in write(table)),
        "## What this does not show",
        listing(LIMITS),
    ]
    write_text(folder / "single_cell.md", "\n\n".join(text) + "\n")
