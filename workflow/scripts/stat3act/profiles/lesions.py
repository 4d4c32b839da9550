"""Genetic lesions that can drive STAT3: what the user's table says, read against ``resources/networks/lesions.tsv``.

Explanatory only, like the ligands: a lesion says what can drive STAT3, never that STAT3 is active, and it enters no
state and no call. A sample without a row has no known lesion; whether it was sequenced is not known here.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stat3act.logs import log
from stat3act.problems import InputProblems, Problem, shorten
from stat3act.tables import read_text_table
from stat3act.user_tables import read_user_table

GIVEN = ("sample", "gene", "alteration")
LESION_COLUMNS = [*GIVEN, "kind", "certainty", "effect", "source", "note"]
KNOWN, POSSIBLE = "known", "possible"
CERTAINTIES = (KNOWN, POSSIBLE)
MISSENSE, IN_FRAME, TRUNCATING, SILENT = "missense", "in_frame", "truncating", "silent"
STRUCTURAL = ("amplification", "deletion", "fusion")
KINDS = (MISSENSE, IN_FRAME, TRUNCATING, *STRUCTURAL)
AMINO_ACIDS = {
    three: one
    for three, one in zip(
        re.findall("...", "AlaArgAsnAspCysGlnGluGlyHisIleLeuLysMetPheProSerThrTrpTyrValTer"),
        "ARNDCQEGHILKMFPSTWYV*",
        strict=True,
    )
}
ACID = "[ACDEFGHIKLMNPQRSTVWY]"
# Protein changes in the one-letter form of HGVS. The order matters: an insertion with a stop is truncating.
CHANGES = (
    (SILENT, re.compile(rf"{ACID}(\d+)=|{ACID}(\d+)$")),
    (TRUNCATING, re.compile(rf"{ACID}(\d+)({ACID})?fs.*|{ACID}(\d+)(\*|X)|[{ACID[1:-1]}X](\d+)_splice|M1\?")),
    (TRUNCATING, re.compile(rf"{ACID}(\d+)(_{ACID}\d+)?(delins|ins){ACID}*\*.*")),
    (MISSENSE, re.compile(rf"{ACID}(\d+){ACID}")),
    (IN_FRAME, re.compile(rf"{ACID}(\d+)(_{ACID}\d+)?(delins|del|ins|dup){ACID}*\d*")),
)
MOST_PROBLEMS = 5
RENAME = (
    "rename the column (of a MAF file: Tumor_Sample_Barcode, Hugo_Symbol and HGVSp_Short); the table is tab-separated"
)
EXPECTED = (
    f"a protein change such as p.Y640F, p.S187_Y190del or p.R100*, or one of {', '.join((TRUNCATING, *STRUCTURAL))}"
)


@dataclass(frozen=True)
class Alteration:
    """One alteration of a gene.

    Attributes
    ----------
    kind
        One of `KINDS`, or ``silent``.
    text
        As written, without ``p.``, in one-letter code.
    residue
        First residue that changes; None where that is not said.
    """

    kind: str
    text: str
    residue: int | None = None


def read_alteration(text: str) -> Alteration | None:
    """Understand how a user wrote an alteration; None where it cannot be understood."""
    bare = text.strip().removeprefix("p.").strip("()")
    if bare.lower() in (*STRUCTURAL, TRUNCATING):
        return Alteration(bare.lower(), bare.lower())
    for three, one in AMINO_ACIDS.items():
        bare = bare.replace(three, one)
    for kind, pattern in CHANGES:
        if pattern.fullmatch(bare):
            residue = int(re.search(r"\d+", bare)[0])
            first, last = bare[0], bare[-1]
            return Alteration(SILENT if kind == MISSENSE and first == last else kind, bare, residue)
    return None


def meets(alteration: Alteration, wanted: str) -> bool:
    """Tell whether an alteration is one of those that a row of the lesion table names.

    Parameters
    ----------
    alteration
        What the user's table says.
    wanted
        ``;``-list of protein changes (``Y640F``) and kinds (``missense``), a kind perhaps with the residues it must lie
        in (``missense:580-670``).
    """
    for part in wanted.split(";"):
        kind, _, span = part.partition(":")
        if kind not in KINDS:
            if alteration.text == part:
                return True
        elif alteration.kind == kind:
            first, last = map(int, span.split("-")) if span else (0, float("inf"))
            if not span or (alteration.residue is not None and first <= alteration.residue <= last):
                return True
    return False


def find_lesions(table: pd.DataFrame, known: pd.DataFrame, samples: Collection[str]) -> pd.DataFrame:
    """Keep the lesions that can drive STAT3.

    Parameters
    ----------
    table
        The user's table, all text: at least the columns of `GIVEN`.
    known
        ``resources/networks/lesions.tsv``: ``gene alteration certainty effect source note``.
    samples
        Samples of the cohort; lesions of others are left out.

    Returns
    -------
    `LESION_COLUMNS`, each lesion once with the row of ``known`` that is most certain of it; known ones first.
    """
    rows = []
    for row in table[table["sample"].isin(set(samples))].drop_duplicates(list(GIVEN)).to_dict("records"):
        alteration = read_alteration(row["alteration"])
        about = known[known["gene"] == row["gene"]].to_dict("records") if alteration else []
        fitting = [fact for fact in about if meets(alteration, fact["alteration"])]
        if fitting:
            best = min(fitting, key=lambda fact: CERTAINTIES.index(fact["certainty"]))
            said = {name: best[name] for name in ("certainty", "effect", "source", "note")}
            rows.append({**{name: row[name] for name in GIVEN}, "kind": alteration.kind, **said})
    found = pd.DataFrame(rows, columns=LESION_COLUMNS)
    order = found.assign(rank=found["certainty"].map(CERTAINTIES.index))
    return order.sort_values(["sample", "rank", "gene", "alteration"], ignore_index=True)[LESION_COLUMNS]


def read_lesions(path: str | Path | None, known: str | Path, samples: Collection[str]) -> pd.DataFrame:
    """Read the user's table, if there is one, for `find_lesions`."""
    if not path:
        return pd.DataFrame(columns=LESION_COLUMNS)
    table = read_user_table(path, str(path), GIVEN)[list(GIVEN)]
    found = find_lesions(table, read_text_table(known), samples)
    own = table["sample"].isin(set(samples))
    log.info(
        "lesions: %d rows of samples of the cohort (%d of others), %d can drive STAT3",
        own.sum(),
        (~own).sum(),
        len(found),
    )
    return found


def genetic_answer(lesions: pd.DataFrame | None) -> list[str]:
    """Say which lesions of a sample can drive STAT3: ``genetic: STAT3 Y640F``, ``genetic_possible: JAK1 S703I``."""
    parts = []
    for certainty, word in ((KNOWN, "genetic"), (POSSIBLE, "genetic_possible")):
        rows = [] if lesions is None else lesions[lesions["certainty"] == certainty].itertuples()
        names = [f"{row.gene} {row.alteration.removeprefix('p.')}" for row in rows]
        parts += [f"{word}: {', '.join(names)}"] if names else []
    return parts


def is_alike(one: str, other: str) -> bool:
    """Tell whether two names differ only in case, or in what follows a mark: ``TCGA-A1`` and ``tcga-a1-01A``."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    rest = long.removeprefix(short)
    return bool(short) and (short == long or (rest != long and not rest[0].isalnum()))


def lesion_problems(config: Mapping, known: Collection[str], samples: Collection[str]) -> list[Problem]:
    """Return everything that is wrong with the user's table of lesions.

    Parameters
    ----------
    config
        Configuration with its defaults; ``profiles.lesions`` may be null. A file that does not exist is the business
        of `stat3act.named_files.check_files`.
    known
        Genes of ``resources/networks/lesions.tsv``: only their rows need an alteration that can be read.
    samples
        Samples of the sheet.
    """
    name = config["profiles"]["lesions"]
    path = Path(config["data_dir"]) / name if name else None
    if path is None or not path.is_file():
        return []
    try:
        table = read_user_table(path, name, GIVEN, RENAME)[list(GIVEN)]
    except InputProblems as error:
        return list(error.problems)
    return shorten((Problem(name, *parts) for parts in _rows(table, set(known), set(samples))), MOST_PROBLEMS)


def _rows(table: pd.DataFrame, known: set[str], samples: set[str]) -> Iterator[tuple[str, str, str, str]]:
    named = set(table["sample"])
    # A cohort may have no lesion, but names that only look like those of the sheet are written another way.
    alike = sorted((one, other) for one in named for other in samples if is_alike(one, other))
    if alike and not named & samples:
        one, other = alike[0]
        mend = f"name the samples as the sample sheet does: '{other}', if that is what '{one}' means"
        yield "column 'sample'", f"no sample of the sample sheet, but '{one}'", "names of the sample sheet", mend
    for number, row in zip(table.index, table.to_dict("records"), strict=True):
        if not row["gene"].strip():
            yield f"row {number}, column 'gene'", "an empty cell", "a gene symbol", "fill it in or remove the row"
        elif row["gene"] in known and row["sample"] in samples and read_alteration(row["alteration"]) is None:
            mend = "write it in one of these ways, or remove the row"
            yield f"row {number}, column 'alteration'", repr(row["alteration"]), EXPECTED, mend
