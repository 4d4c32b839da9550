"""The section of the validation page on the variants of the model."""

import pandas as pd

from scoring import figures, study, variants
from scoring.writing import listing, markdown, number, paragraph

# What was asked, with the reason for what was chosen, and the variants that answer.
QUESTIONS = {
    "**Which rivals?** A rival adjusts only the genes that it holds. Gene-disjoint rivals leave the genes that it "
    "shares with STAT3 as they are, and those are what deceives; dissociation stress is such a rival too.": [
        "univariate, equal weights",
        "univariate",
        "chosen, gene-disjoint rivals",
        "chosen, shared genes at 0.3",
        "chosen, without dissociation stress",
    ],
    "**How is a rival's level found?** From its own genes, so that a gene that STAT3 raises cannot raise its "
    "rival; and never below the reference, so that a quiet rival cannot raise STAT3. These are reasons of "
    "principle that the numbers must not contradict. Drawing levels towards zero leaves some of the rival in.": [
        "all at once, gene-disjoint rivals",
        "all at once, shared genes at 0.3, equal weights",
        "all at once",
        "all at once, positive rivals only",
        "level from own genes, both signs",
        "chosen, ridge levels",
        "chosen, Bayesian levels",
    ],
    "**Robust targets?** Profiles are limited to five standard deviations in any case, and the evidence rule "
    "scores again without the strongest gene. What stricter ways give:": [
        "chosen, winsorised at 2",
        "chosen, Huber",
        "chosen, median",
        "chosen, ranks",
    ],
    "**Which weights?** By the number of sources of a target: the literature fixes them, though these cohorts were in "
    "view when they were preferred to equal ones. Weights by level of expression depend on the cohort; learned ones "
    "are learned on pY705 with the cohort left out.": [
        "chosen, equal weights",
        "chosen, weights by level",
        *(variant.name for variant in variants.VARIANTS if variant.weights in variants.LEARNED),
    ],
    "**Which panel?** The core panel; the others vote in the evidence rule and are not mixed into it.": [
        "chosen, epithelial panel",
        *(variant.name for variant in variants.VARIANTS if "CollecTRI (" in variant.name),
        "chosen, core + epithelial",
        "chosen, core + epithelial + CollecTRI",
    ],
}
HEADS = {
    "spearman": "pY705",
    "decoys": "worst decoy",
    "ifnl": "T84 interferon λ",
    "il22": "T84 IL-22",
    "kang": "Kang, greatest",
    "core": "STAT3 planted",
}


def questions(found: pd.DataFrame) -> list[str]:
    """Write each question of the study with its variants beside the chosen one.

    Parameters
    ----------
    found
        From `figures.study_table`.
    """
    texts = found.rename(columns=HEADS).map(number).reset_index(names="")
    parts = []
    for question, names in QUESTIONS.items():
        rows = texts.set_index("", drop=False).loc[[variants.CHOSEN, *(name for name in texts[""] if name in names)]]
        parts += [paragraph(question), markdown(rows)]
    return parts


def selection(table: pd.DataFrame, rule: str) -> str:
    """Say what choosing by a rule gives on the cohorts that were left out."""
    rows = table[(table["check"] == "study_selection") & (table["group"] == rule)]
    out = rows[rows["dataset"] != "TCGA"]
    mean = rows[rows["method"] == "chosen without the cohort"].iloc[0]["value"]
    every = rows[rows["method"].str.startswith("by all cohorts")].iloc[0]
    names = "; ".join(
        f"{method} ({', '.join(part['dataset'].str.removeprefix('TCGA-'))})"
        for method, part in out.groupby("method", sort=False)
    )
    return (
        f"By {rule}: without the cohort, the rule takes {names}; mean correlation on the cohorts left out "
        f"{number(mean)}. On all cohorts it takes {every['method'].split(': ', 1)[1]} ({number(every['value'])} there)."
    )


def verdict(table: pd.DataFrame, own: pd.Series) -> str:
    """Say how the model of the workflow stands to the rule that chooses by correlation."""
    rows = table[(table["check"] == "study_selection") & table["method"].str.startswith("by all cohorts")]
    taken = set(rows["method"].str.split(": ", n=1).str[1])
    if taken == {variants.CHOSEN}:
        stands = "is what the rule takes on all cohorts"
    elif own["decoys"] > study.MOST_FALSE:
        stands = (
            f"is not what the rule takes: by z alone it is deceived by the worst decoy in {own['decoys']:.0%} of "
            "samples (what its evidence rule makes of such changes stands under planted changes)"
        )
    else:
        stands = "may be taken by the rule, but others have a higher correlation"
    return f"""
        The model of the workflow (mean correlation {number(own["spearman"])}) {stands}. Variants that differ by a few
        hundredths cannot be told apart with these patients (see the intervals above): correlation can rule a variant
        out, it cannot pick one. Specificity differs by tens of percent, and decides between kinds of models."""


def section(table: pd.DataFrame) -> list[str]:
    """Write the section on the variants."""
    found = figures.study_table(table)
    return [
        "## Which model?",
        paragraph("""
            Variants of the model on the same data. Each is scored against the same kind of null with its own inflation
            factor; a sample counts as called when its z is above 1.645, without the evidence rule. `chosen` is the
            model of the workflow; "chosen, ..." changes one thing in it. `pY705` is the mean correlation over six
            cohorts. `worst decoy`: one standard deviation is added to the genes of interferon, NF-kB, hypoxia or
            allograft rejection (Hallmark); of the samples that were not called before, the largest share that is called
            then. `STAT3 planted`: the same for the core panel, low by design for panels of other genes. `Kang,
            greatest`: the largest z under interferon beta."""),
        "![Variants: correlation, false calls, true calls](images/scoring_study.svg)",
        *questions(found),
        "### What choosing by correlation is worth",
        paragraph("""
            Choosing without the cohort that is then read, by the highest mean correlation among variants that no decoy
            deceives in more than 10 % of samples (`decoys`), and among those of them that also tell IL-22 from
            interferon lambda in T84 cells (`decoys and T84 cells`; at least 90 % against at most 10 %):"""),
        listing(selection(table, rule) for rule in ("decoys", "decoys and T84 cells")),
        paragraph(verdict(table, found.loc[variants.CHOSEN])),
    ]
