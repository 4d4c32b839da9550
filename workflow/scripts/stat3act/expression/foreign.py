"""What unknown gene ids look like, to tell the user what to do about them."""

import re
from collections.abc import Callable, Sequence

SPECIES = {"MUS": "mouse", "RNO": "rat", "DAR": "zebrafish", "SSC": "pig", "MMU": "macaque", "CAF": "dog"}
ORTHOLOGUES = "translate the ids to their human orthologues (one-to-one), or use human data"
PATTERNS = (
    (re.compile(r"ENS([A-Z]{3})[GTP]\d+(\.\d+)?"), "Ensembl ids of {species}", ORTHOLOGUES),
    (re.compile(r"ENS[TP]\d+(\.\d+)?"), "transcript or protein ids", "sum the transcripts to genes first (tximport)"),
    (
        re.compile(r"[NX][MRP]_\d+(\.\d+)?"),
        "RefSeq transcript or protein ids",
        "sum the transcripts to genes first (tximport)",
    ),
    (
        re.compile(r"\w+_at|ILMN_\d+|A_\d+_P\d+"),
        "probe ids of a microarray",
        "translate the probes to genes with the annotation of the array (GPL)",
    ),
)
ENOUGH = 0.3


def describe_foreign(unknown: Sequence[str], is_human: Callable[[str], bool]) -> tuple[str, str]:
    """Return what unknown ids look like, and the mend.

    Parameters
    ----------
    unknown
        Ids that are no human genes.
    is_human
        Says whether an id is a human gene; asked for the ids in capitals.

    Returns
    -------
    A sentence (``They look like mouse symbols ...``) and what the user can do.
    """
    for pattern, words, mend in PATTERNS:
        matches = [match for name in unknown if (match := pattern.fullmatch(name))]
        if matches and len(matches) >= ENOUGH * len(unknown):
            code = matches[0][1] if "{species}" in words else ""
            return f"They look like {words.format(species=SPECIES.get(code, 'another species'))}", mend
    # Mouse and rat symbols are human ones in small letters (Stat3), zebrafish ones are all small (stat3).
    small = [name for name in unknown if name != name.upper() and is_human(name.upper())]
    if small and len(small) >= ENOUGH * len(unknown):
        capital = sum(name[:1].isupper() for name in small) * 2 >= len(small)
        species = "mouse or rat" if capital else "zebrafish or another species"
        examples = f"{small[0]} is {small[0].upper()} in human"
        return f"They look like symbols of {species} ({examples})", ORTHOLOGUES
    mend = "check that `expression.gene_column` names the column of the gene ids, and that the ids are of human genes"
    return "They look like those of another species or platform", mend
