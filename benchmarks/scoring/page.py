"""The validation page and its figures, made from ``results/validation/scoring.tsv`` alone."""

from pathlib import Path

import pandas as pd

from scoring import figures, study_page
from scoring.phospho import GOAL as PHOSPHO_GOAL
from scoring.writing import grid, label, listing, markdown, number, paragraph, with_interval
from stat3act.tables import write_text

NULL = """
The null hypothesis is that, once what the rival axes explain has been taken from a sample's profile, the genes of the
panel are no different from other genes of like mean and spread. The profile (gene by gene in standard deviations of
the stated reference) is freed of each rival at the level that the rival's own genes show, a level below the reference
counting as none; the weights of the panel are then thought of as exchanged at random among the genes of a stratum (up
to 20 groups of mean by 5 of spread), and mean and variance of the statistic over all such exchanges are exact sums,
not simulated. That null treats genes as if they varied independently. Curated panels hold co-regulated genes, so the
statistic is divided by an inflation factor: its root mean square, over the rows of the reference, for 200 control
sets that match the panel gene by gene and draw a quarter of their genes from one co-expression module, modules being
found on one half of the rows and measured on the other; against controls known not to be active, the panel's own
spread among them, drawn towards that of the control sets, where that is larger. `p_value` is the upper tail of a
standard normal. It speaks of this one sample against the chance of picking genes. It does not know how a sample
varies when it is prepared again, it is no test between groups of patients, and with a share of co-regulated genes
well above a quarter it is too small (shown below).
"""
LIMITS = (
    "T84 was looked at while the constants of the model were set (weights of shared genes, half a log2 unit of least "
    "spread, the limit of five standard deviations), so it shows that the model does what it was made for; it is no "
    "independent test.",
    "The six RPPA cohorts were looked at many times as well. Leaving a cohort out guards the choice between the "
    "listed variants, not the making of the list. Cohorts that this project has never seen are the real test.",
    "RPPA and RNA come from different pieces of a tumour, and both mix tumour with everything else. The correlation "
    "has a ceiling below one that nobody knows.",
    "Kang's data hold so few genes that they can hardly contradict the score.",
    "A planted change moves every gene of a set by the same amount. Real interferon, NF-kB or hypoxia do not; T84 is "
    "the only data set here in which the rival itself was applied.",
    "The share of a panel that is co-regulated is assumed, not measured.",
    "T84 cells are one line. Whether a single sample of another tissue is called as reliably, these data cannot say.",
)


# Checks that a section lays out; any other is given as it is.
SHOWN = {
    "specificity",
    "specificity_value",
    "specificity_coverage",
    "phospho",
    "phospho_difference",
    "calibration",
    "p_histogram",
    "moments_audit",
    "planted",
    "coverage",
    "frozen_reference",
    "invariance",
    "study",
    "study_selection",
}


def goals(table: pd.DataFrame) -> str:
    """List every goal with what was found; goals that are the same in many data sets in one line."""
    rows = table[table["goal"].notna()]
    lines = []
    for (check, group, method, goal), part in rows.groupby(["check", "group", "method", "goal"], sort=False):
        values = sorted(part["value"])
        found = number(values[0]) if len(part) == 1 else f"{number(values[0])} to {number(values[-1])}"
        missed = list(part.loc[part["met"] == "no", "dataset"])
        data = part["dataset"].iloc[0] if len(part) == 1 else f"{len(part)} data sets"
        met = "yes" if not missed else "**no**" + (f" ({', '.join(missed)})" if len(missed) < len(part) else "")
        lines.append([check, data, label(group), label(method), goal, found, met])
    return markdown(pd.DataFrame(lines, columns=["check", "data", "what", "method", "goal", "found", "met"]))


def specificity(table: pd.DataFrame) -> list[str]:
    """Write the section on T84 and Kang."""
    rows = table[table["check"] == "specificity"]
    measured = table[table["check"] == "specificity_coverage"].set_index("group")["value"]

    def count(row):
        return f"{row['value']:.0f} of {row['n']:.0f}"

    kang = rows[rows["dataset"] == "Kang"]
    return [
        "## Specificity: STAT3 or interferon?",
        paragraph("""
            T84 cells with IL-22 (acts through STAT3), interferon lambda (through STAT1 and STAT2), both or neither,
            three replicates at each of four times, each compared with the mocks of its own time (a mock with the other
            mocks). Samples called active: the activity by the evidence rule with its defaults (state `ON`); every
            other method when its statistic, on the same standardised profiles, is above 1.645, which is what a user
            does who takes a t value for a test at one-sided 5 %. CollecTRI, DoRothEA and Hallmark are scored by
            decoupler's `ulm`, PROGENy by its `mlm` with all 14 pathways."""),
        grid(rows[rows["dataset"] == "T84"], "method", "group", count),
        "![T84 cells by method, treatment and time](images/scoring_specificity.svg)",
        paragraph("""
            Median and range of three replicates; the dashed line is 1.645. Note the scales: t values of large gene
            sets are far larger than chance makes them, because genes of a set vary together."""),
        paragraph(f"""
            Blood cells of two donors with interferon beta, five cell types, each against its untreated rows (Kang
            2018). These data hold {measured["genes"]:.0f} genes, {measured["core genes"]:.0f} of the core panel's
            among them, fewer than `activity.min_targets` asks for, so the rule says unknown. "None called"
            therefore says little, and the panel was also scored with what there is of it:"""),
        grid(kang[kang["method"] == "activity"], "group", "method", count),
        grid(kang[(kang["group"] == "IFN-beta")], "method", "group", count),
    ]


def compare(row: pd.Series) -> str:
    """Say whether the activity differs from a method."""
    verdict = "more" if row["low"] > 0 else "less" if row["high"] < 0 else "not distinguishable"
    return f"{number(row['value'])} ({number(row['low'])} to {number(row['high'])}), {verdict}"


def phospho(table: pd.DataFrame) -> list[str]:
    """Write the section on pY705."""
    rows = table[table["check"] == "phospho"]
    own = rows[(rows["dataset"] == "TCGA") & (rows["method"] == "activity")].iloc[0]
    difference = table[table["check"] == "phospho_difference"].assign(group="activity minus the method")
    mean = rows[rows["dataset"] == "TCGA"]
    both = pd.concat([mean.assign(group="weighted mean"), difference])
    reached = "reaches" if own["value"] >= PHOSPHO_GOAL else "does not reach"
    return [
        "## Does it follow phospho-STAT3?",
        paragraph(f"""
            Spearman's correlation with STAT3 pY705 (reverse-phase protein arrays) in the primary tumours of six TCGA
            cohorts, {own["n"]:.0f} patients in all, and its mean weighted by patients. Intervals are 95 % bootstrap
            percentiles, patients resampled within cohorts, the same draws for all methods. Baselines are computed on
            log2 expression as users do, and once more on the profiles that our score sees. The activity's mean of
            {with_interval(own)} {reached} {PHOSPHO_GOAL}."""),
        "![Correlation with pY705 by cohort and method](images/scoring_phospho.svg)",
        grid(both, "method", "group", lambda row: with_interval(row) if row["check"] == "phospho" else compare(row)),
        "Per cohort:",
        grid(rows[rows["dataset"] != "TCGA"], "method", "dataset"),
    ]


def calibration(table: pd.DataFrame) -> list[str]:
    """Write the section on random panels."""
    rows = table[table["check"] == "calibration"]
    main = rows[rows["group"] == "matched_coexpressed"]
    parts = [
        "## Calibration: random panels in place of STAT3",
        paragraph("""
            Random panels of genes that belong to no axis, on real expression; share of samples x panels with p below
            0.05 (should be 5 %), with its interval from the spread between panels. First, panels that match the core
            panel gene by gene and draw a quarter of their genes from one co-expression module, found on other rows
            than those scored. Modules are drawn as for the inflation factor, so this says that the factor does what it
            is for on fresh panels, no more. The univariate t is read as the test that it is not."""),
        grid(main, "dataset", "method", with_interval),
        "![p of random matched panels](images/scoring_calibration.svg)",
        paragraph("""
            What other panels give, for the activity: without modules, with less and with more of a module, and the
            regulons of other transcription factors, where they were tried. Some of those are truly active in some
            samples, so more than 5 % of them is no error of the null. In T84 the factor also covers how mocks
            vary."""),
        grid(rows[rows["method"] == "activity"], "group", "dataset"),
    ]
    log = rows[rows["method"] == "ulm_log"]
    if len(log):
        parts += [
            paragraph("""
                For comparison, `ulm` on log expression with its textbook p, for panels drawn in proportion to mean
                expression as curated targets are:"""),
            grid(log, "group", "dataset"),
        ]
    audit = table[table["check"] == "moments_audit"]
    if len(audit):
        parts += [
            paragraph("""
                The exact moments beside 1,000 Monte-Carlo exchanges of the weights, for the core panel in every
                sample:"""),
            grid(audit, "group", "dataset"),
        ]
    centre = table[table["check"] == "centre"]
    parts += [
        paragraph("""
            Mean activity of the core panel over the reference itself. It is below zero: rivals take from the shared
            genes where they are raised and give nothing back where they are low. ON is therefore strict by about this
            much, and OFF comes as much more easily than a score centred on the reference would have it:"""),
        grid(centre, "dataset", "group"),
    ]
    return parts


def planted(table: pd.DataFrame) -> list[str]:
    """Write the section on planted changes."""
    rows = table[table["check"] == "planted"]
    own = [method for method in ("activity", "activity_all_samples") if method in set(rows["method"])]

    def by_data(method: str) -> str:
        return grid(rows[rows["method"] == method], "group", "dataset")

    return [
        "## Planted changes",
        paragraph("""
            Changes of known kind and size planted on real profiles, and the share of samples then called active, first
            over all data sets. Decoys are gene sets of the Hallmark collection, not our own rival
            axes, and they hold genes of the core panel; `leukocytes` replaces a share of a solid tumour by immune
            cells. The activity is called by the evidence rule, the univariate ones by a t above 1.645. "Activity" is
            the share among profiles that are not called before, which have nothing but the planted change; real
            cohorts hold samples that are active already (`none`), and "all samples" counts them too. The goal was first
            set on all samples; both are listed."""),
        grid(rows[rows["dataset"] == "all"], "group", "method"),
        *(part for method in own for part in (f"{label(method).capitalize()}, by data set:", by_data(method))),
    ]


def coverage(table: pd.DataFrame) -> list[str]:
    """Write the section on the intervals."""
    rows = table[table["check"] == "coverage"]
    parts = rows["group"].str.extract(r"(?P<size>.*?)(?:, (?P<part>shift .*|realised))?$")
    rows = rows.assign(size=rows["dataset"] + ", " + parts["size"], part=parts["part"])
    return [
        "## Coverage of the 90 % intervals",
        paragraph("""
            Shifts of 0, 0.5, 1 and 2 standard deviations planted on random panels that match the core panel and hold a
            co-expression module, in real expression, targets answering unequally; the share of intervals that hold what
            the shift adds to the activity. Should be 0.85 to 0.95. Compartments of few cells are drawn from one
            compartment of a leukaemia sample and the shift is planted in log expression or (`in counts`) in their
            counts."""),
        grid(rows[rows["part"].isna()], "group", "dataset", with_interval),
        paragraph("""
            The same by size of the shift, and against the answers that the targets happened to give (`realised`), which
            an interval of resampling targets covers more often:"""),
        grid(rows[rows["part"].notna()], "size", "part"),
    ]


def invariance(table: pd.DataFrame) -> list[str]:
    """Write the sections on frozen references and on what must not change a score."""
    parts = []
    for check, title, text in (
        ("frozen_reference", "Frozen reference", "Largest change of any activity, score or p against one reference:"),
        (
            "invariance",
            "What must not change a score",
            "Largest change of any activity (or p), everything measured again from the start. Down-sampling is chance: "
            "its median and 95th percentile for the core panel.",
        ),
    ):
        rows = table[table["check"] == check]
        if len(rows):
            parts += [f"## {title}", paragraph(text), grid(rows, "group", "dataset")]
    return parts


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
    sections = {
        "specificity": specificity,
        "phospho": phospho,
        "calibration": calibration,
        "planted": planted,
        "coverage": coverage,
        "invariance": invariance,
        "study": study_page.section,
    }
    present = set(table["check"])
    parts = [part for check, write in sections.items() if check in present for part in write(table)]
    for check in sorted(present - SHOWN):
        rows = table[(table["check"] == check) & (table["method"] == "activity")]
        parts += [f"## {check.replace('_', ' ').capitalize()}", grid(rows, "group", "dataset", with_interval)]
    met = table["met"].eq("yes").sum(), table["met"].notna().sum()
    text = [
        "# Is the STAT3 score right? Specificity, phospho-STAT3, calibration",
        paragraph(f"""
            Everything on this page is computed by one command from public data, and the page is written from its table,
            `{table_name}`. {met[0]} of {met[1]} goals are met."""),
        "    make validate-scoring STAT3_DATA=<folder>",
        goals(table),
        "## What chance means here",
        paragraph(NULL),
        *parts,
        "## What this does not show",
        listing(LIMITS),
    ]
    write_text(folder / "scoring.md", "\n\n".join(text) + "\n")
