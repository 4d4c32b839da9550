"""One gene language: every id of a matrix becomes one current human symbol, or is reported as unmapped.

The vocabulary is the bundled gene table (``resources/genes/genes.tsv``; NCBI Gene through Bioconductor's
org.Hs.eg.db, doi 10.18129/B9.bioc.org.Hs.eg.db). Each id is recognised on its own, so that a matrix may mix kinds.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.expression.foreign import describe_foreign
from stat3act.problems import InputProblems, Problem

ENSEMBL = re.compile(r"(ENSG\d{11})(\.\d+)?(_PAR_Y)?")
NAMED_ENSEMBL = re.compile(r".+[|_](ENSG\d{11})(\.\d+)?|(ENSG\d{11})(\.\d+)?[|_].+")
PAIR = re.compile(r"([^|]*)\|(\d+)")
OPEN_READING_FRAME = re.compile(r"(C(?:\d+|X|Y))ORF(\d+)")
MIN_MAPPED_SHARE = 0.5
EXAMPLES = 5
UNMAPPED = -1
# Rows without a name, spike-ins, and rows of HTSeq and STAR that count reads outside of genes: unmapped, but no genes
# of another species.
NO_GENE = re.compile(r"\s*|ERCC-\d+|__\w+|N_(unmapped|multimapping|noFeature|ambiguous)")


class GeneLanguage:
    """Current human gene symbols, and the other names each of them goes by.

    Parameters
    ----------
    table
        The gene table, all text: ``symbol entrez ensembl aliases chromosome start end arm``; several Ensembl ids or
        aliases are separated by ``;``. Positions are hg38; position and arm are empty where unknown.
    """

    def __init__(self, table: pd.DataFrame):
        self._symbols = set(table["symbol"])
        self._entrez = dict(zip(table["entrez"], table["symbol"], strict=True))
        self._ensembl = _owners(table["ensembl"], table["symbol"])
        self._aliases = _owners(table["aliases"], table["symbol"])
        self._positions = table.set_index("symbol")[["chromosome", "start", "end", "arm"]]

    def candidates(self, identifier: str) -> tuple[str, ...]:
        """Return the symbols an id may mean: one when it is known, several when ambiguous, none when unknown.

        A current symbol means itself even where it is also another gene's alias. In ``SYMBOL|ENTREZ`` the Entrez id
        decides, being the stable one; the symbol is asked when NCBI has withdrawn the id. In ``SYMBOL_ENSG...`` and
        ``ENSG..._SYMBOL`` (or with ``|``) the Ensembl id decides.
        """
        identifier = identifier.strip()
        if identifier in self._symbols:
            return (identifier,)
        if match := ENSEMBL.fullmatch(identifier):
            return self._ensembl.get(match[1], ())
        if match := NAMED_ENSEMBL.fullmatch(identifier):
            return self._ensembl.get(match[1] or match[3], ())
        if match := PAIR.fullmatch(identifier):
            known = self._entrez.get(match[2])
            return (known,) if known else self.candidates(match[1])
        if identifier.isdecimal():
            known = self._entrez.get(identifier)
            return (known,) if known else ()
        if match := OPEN_READING_FRAME.fullmatch(identifier):
            # Some platforms write all letters large (C1ORF112); NCBI writes C1orf112.
            return self.candidates(f"{match[1]}orf{match[2]}")
        return self._aliases.get(identifier, ())

    def positions(self, symbols: Sequence[str]) -> pd.DataFrame:
        """Return where genes lie in hg38, one row per symbol, in their order.

        ``chromosome`` (like ``chr1``) and ``arm`` (like ``1p``) are empty when unknown, ``start`` and ``end`` NaN.
        """
        found = self._positions.reindex(pd.Index(symbols, dtype=object))
        return pd.DataFrame(
            {
                "chromosome": found["chromosome"].fillna("").to_numpy(dtype=object),
                "start": pd.to_numeric(found["start"]).to_numpy(dtype=np.float64),
                "end": pd.to_numeric(found["end"]).to_numpy(dtype=np.float64),
                "arm": found["arm"].fillna("").to_numpy(dtype=object),
            },
            index=pd.Index(symbols, dtype=object),
        )


def _owners(lists: pd.Series, symbols: pd.Series) -> dict[str, tuple[str, ...]]:
    """Invert ``;``-separated lists of names: each name with all the symbols that carry it."""
    owners = defaultdict(set)
    for names, symbol in zip(lists, symbols, strict=True):
        for name in names.split(";"):
            if name:
                owners[name].add(symbol)
    return {name: tuple(sorted(found)) for name, found in owners.items()}


@dataclass(frozen=True)
class GeneMap:
    """Where each row of a matrix goes.

    Attributes
    ----------
    symbols
        Current symbols that at least one row means, sorted.
    target
        For each row the position of its symbol in ``symbols``, or -1.
    ids
        The ids of the rows, as text.
    report
        ``genes_in``, ``genes_unmapped`` (of which ``genes_ambiguous`` name several genes), ``genes_merged`` (rows
        that joined another row of the same symbol), ``genes_kept``, ``example_unmapped`` (``;``-joined, the
        strongest first).
    """

    symbols: np.ndarray
    target: np.ndarray
    ids: np.ndarray
    report: dict[str, int | str]


def map_genes(
    ids: Iterable[str],
    language: GeneLanguage,
    strength: np.ndarray,
    file: str,
    second_ids: Iterable[str] | None = None,
) -> GeneMap:
    """Find the current symbol of every row of a matrix.

    Parameters
    ----------
    ids
        One id per row, of any kind.
    language
        The vocabulary.
    strength
        How strongly each row is expressed, on any scale; rows at or below 0 do not count when the share of known ids
        is judged (annotations hold many genes that no sample expresses). Log scales give positive numbers.
    file
        Name of the matrix, for the messages.
    second_ids
        Other names of the same rows (10x files hold Ensembl ids and symbols), asked when an id means no single gene.

    Raises
    ------
    InputProblems
        When fewer than half of the expressed ids are known, or the ids are row numbers.
    """
    ids = np.array([str(name) for name in ids], dtype=object)
    strength = np.asarray(strength, dtype=np.float64)
    _refuse_row_numbers(ids, file)
    found = [language.candidates(name) for name in ids]
    if second_ids is not None:
        pairs = zip(found, second_ids, strict=True)
        found = [owners if len(owners) == 1 else language.candidates(str(second)) or owners for owners, second in pairs]
    names = np.array([owners[0] if len(owners) == 1 else "" for owners in found], dtype=object)
    mapped = names != ""
    _refuse_foreign(ids, mapped, strength, language, file)
    symbols, inverse = np.unique(names[mapped].astype(str), return_inverse=True)
    target = np.full(len(ids), UNMAPPED, dtype=np.int64)
    target[mapped] = inverse
    report = {
        "genes_in": len(ids),
        "genes_kept": len(symbols),
        "genes_unmapped": int((~mapped).sum()),
        "genes_ambiguous": sum(len(owners) > 1 for owners in found),
        "genes_merged": int(mapped.sum()) - len(symbols),
        "example_unmapped": _examples(ids[~mapped], strength[~mapped]),
    }
    return GeneMap(symbols.astype(object), target, ids, report)


def _examples(ids: np.ndarray, strength: np.ndarray) -> str:
    """Return the strongest ids; equal ones by name, so that the order of rows does not matter."""
    order = sorted(range(len(ids)), key=lambda row: (-strength[row], ids[row]))
    return ";".join([ids[row].replace(";", ",") for row in order if ids[row].strip()][:EXAMPLES])


def _refuse_row_numbers(ids: np.ndarray, file: str) -> None:
    """Raise when the ids count the rows: many of them would pass as Entrez ids."""
    for first in (0, 1):
        if len(ids) > 2 and list(ids) == [str(number) for number in range(first, first + len(ids))]:
            expected = "gene ids"
            mend = "name the column that holds the gene ids as `expression.gene_column`"
            value = f"row numbers, from {ids[0]} to {ids[-1]}"
            raise InputProblems([Problem(file, "gene ids", value, expected, mend)])


def _refuse_foreign(ids, mapped, strength, language: GeneLanguage, file: str) -> None:
    """Raise when fewer than half of the expressed ids are human genes."""
    genes = np.array([not NO_GENE.fullmatch(name) for name in ids], dtype=bool)
    expressed = genes & (strength > 0)
    if not expressed.any():
        expressed = genes
    known, total = int(mapped[expressed].sum()), int(expressed.sum())
    if total and known >= MIN_MAPPED_SHARE * total:
        return
    if not total:
        mend = "name the column that holds the gene ids as `expression.gene_column`"
        raise InputProblems([Problem(file, "gene ids", "no id in any row", "one gene id per row", mend)])
    unknown = sorted(ids[expressed & ~mapped])
    # A few from all over the alphabet say more than the first few.
    chosen = unknown[:: max(1, len(unknown) // EXAMPLES)][:EXAMPLES]
    guess, mend = describe_foreign(unknown, lambda name: len(language.candidates(name)) == 1)
    value = f"{known} of {total} expressed gene ids are known; unknown are for example {', '.join(chosen)}"
    expected = "human genes: symbols, Ensembl ids (ENSG...), Entrez ids or SYMBOL|ENTREZ, at least half of them known"
    problem = Problem(file, "gene ids", f"{value}. {guess}", expected, mend)
    raise InputProblems([problem])


def sum_rows(values, genes: GeneMap):
    """Add up the rows of each symbol: right for counts and every other linear scale.

    Parameters
    ----------
    values
        Rows x samples, dense or sparse.
    genes
        As `map_genes` returns it.

    Returns
    -------
    Symbols x samples, of the kind and dtype of ``values``.
    """
    rows = np.flatnonzero(genes.target != UNMAPPED)
    ones = np.ones(len(rows), dtype=values.dtype)
    gather = sparse.csr_matrix((ones, (genes.target[rows], rows)), shape=(len(genes.symbols), values.shape[0]))
    return gather @ values


def keep_best(values: np.ndarray, genes: GeneMap) -> np.ndarray:
    """Keep the row with the highest mean of each symbol: on a log scale rows cannot be added.

    Parameters
    ----------
    values
        Rows x samples, dense, without missing values.
    genes
        As `map_genes` returns it.

    Returns
    -------
    Symbols x samples. Rows of equal mean: the id that sorts first.
    """
    means = values.mean(axis=1)
    rows = sorted(np.flatnonzero(genes.target != UNMAPPED), key=lambda row: (-means[row], genes.ids[row]))
    best: dict[int, int] = {}
    for row in rows:
        best.setdefault(int(genes.target[row]), int(row))
    return values[[best[symbol] for symbol in range(len(genes.symbols))]]


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, sorted."""
    return sorted(name for name, times in Counter(names).items() if times > 1)
