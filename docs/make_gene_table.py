"""Rebuild resources/genes/genes.tsv from Debian's r-bioc-org.hs.eg.db.

Usage, on a Debian or Ubuntu machine (run ``apt-get update`` once before)::

    python docs/make_gene_table.py                       # downloads the package to a temporary folder
    python docs/make_gene_table.py --package some.deb    # uses a package that is already there

Only the standard library is needed. The table is UTF-8 text because remote deployment of a Snakemake workflow
breaks binary files.
"""

import argparse
import hashlib
import re
import sqlite3
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

PACKAGE = "r-bioc-org.hs.eg.db"
COLUMNS = ("symbol", "entrez", "ensembl", "aliases", "chromosome", "start", "end", "arm")
MEGABASE = 1_000_000
CHROMOSOMES = (*map(str, range(1, 23)), "X", "Y")
# One band and nothing else: 1p36.33, but not 1q, 6p21-p12 or 22q11.23 alternate reference locus.
BAND = re.compile(r"(\d+|X|Y)([pq])\d+(?:\.\d+)?")
# A gene beside the centromere whose band is of the other arm would move the border if nothing but the fewest
# contradictions counted: on chromosome 9 the last gene before the centromere has a band of the long arm. One is
# forgiven; with two, chromosome 22 would lose its short arm, which has two genes.
FORGIVEN = 1

# NCBI names the mitochondrial genes without their prefix (COX1, ND1, TRNA); everybody else uses HGNC's (MT-CO1,
# MT-ND1, MT-TA). HGNC gene group 1972, "Mitochondrially encoded genes".
MITOCHONDRIAL = {"COX1": "MT-CO1", "COX2": "MT-CO2", "COX3": "MT-CO3", "CYTB": "MT-CYB"}


def fetch(folder: Path) -> Path:
    """Download the package with apt and return its path."""
    subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
    return next(folder.glob(f"{PACKAGE}_*.deb"))


def mitochondrial_symbol(symbol: str) -> str:
    """Return HGNC's symbol of a mitochondrial gene: ND1 -> MT-ND1, TRNL1 -> MT-TL1, COX1 -> MT-CO1."""
    return MITOCHONDRIAL.get(symbol) or "MT-" + re.sub(r"^TRN", "T", symbol)


def grouped(database: sqlite3.Connection, query: str) -> dict[int, list]:
    """Run a query and gather its rows (without their first column) by their first column, the gene's key."""
    found = defaultdict(list)
    for key, *values in database.execute(query):
        found[key].append(values[0] if len(values) == 1 else tuple(values))
    return found


def loci(spans: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Group transcripts that overlap or lie within a megabase of each other."""
    groups: list[list[tuple[int, int]]] = []
    reach = -2 * MEGABASE
    for start, end in sorted(spans):
        if start - reach > MEGABASE:
            groups.append([])
        groups[-1].append((start, end))
        reach = max(reach, end)
    return groups


def position(places: list[tuple[str, int, int]], chromosomes: list[str]) -> tuple[str, str, str]:
    """Return chromosome, first and last base of a gene's transcripts, or empty strings.

    Alternative haplotypes, fix patches and unplaced scaffolds are left out. A gene placed on several chromosomes
    takes the one NCBI names; genes of the pseudo-autosomal regions take X. A gene placed twice on a chromosome
    takes the place with most transcripts (hg38 holds false duplications on chromosome 21, of U2AF1 and CBS for
    example), and without a single best place it has no position.
    """
    spans = defaultdict(list)
    for chromosome, start, end in places:
        if chromosome in CHROMOSOMES:
            # The sign is the strand.
            spans[chromosome].append((abs(start), abs(end)))
    if not spans:
        return "", "", ""
    chosen = min(spans, key=lambda name: (name not in chromosomes, CHROMOSOMES.index(name)))
    groups = sorted(loci(spans[chosen]), key=len, reverse=True)
    if len(groups) > 1 and len(groups[0]) == len(groups[1]):
        return "", "", ""
    starts, ends = zip(*groups[0], strict=True)
    return f"chr{chosen}", str(min(starts)), str(max(ends))


def band_arm(bands: list[str], chromosome: str) -> str:
    """Return p or q where a gene has a single band, and one on its chromosome; otherwise nothing."""
    match = BAND.fullmatch(bands[0]) if len(bands) == 1 else None
    return match[2] if match and f"chr{match[1]}" == chromosome else ""


def long_arm(genes: list[tuple[int, int, str]]) -> int:
    """Return the first base of the first gene of a chromosome's long arm.

    The border is a gap between genes: of those that contradict the bands of the fewest genes, or of `FORGIVEN` more,
    the widest, because the centromere holds no genes. A single wrong band therefore does not move it. The gap before
    the first gene counts too: acrocentric chromosomes may have no gene on their short arm.

    Parameters
    ----------
    genes
        First base, last base and arm by the band (p, q or nothing) of every gene with a position.
    """
    contradicted = [arm for *_, arm in genes].count("p")
    gaps = []
    reach = 0
    for start, end, arm in sorted(genes):
        gaps.append((contradicted, start - reach, start))
        reach = max(reach, end)
        contradicted += (arm == "q") - (arm == "p")
    fewest = min(number for number, *_ in gaps)
    return max((width, start) for number, width, start in gaps if number <= fewest + FORGIVEN)[1]


def add_arms(rows: list[dict]) -> None:
    """Give every gene with a position its arm (1p, Xq), the others none.

    The position decides and not the gene's own band, so that the two never contradict each other.
    """
    placed = defaultdict(list)
    for row in rows:
        row["arm"] = ""
        if row["chromosome"]:
            placed[row["chromosome"]].append(row)
    for chromosome, members in placed.items():
        border = long_arm([(int(row["start"]), int(row["end"]), band_arm(row["bands"], chromosome)) for row in members])
        for row in members:
            row["arm"] = chromosome.removeprefix("chr") + ("p" if int(row["start"]) < border else "q")


def read_genes(database: sqlite3.Connection) -> list[dict]:
    """Read every gene that expression data can name.

    Biological regions (enhancers, breakpoints) are not genes. Of the rest, all protein-coding genes are kept, and
    the others when they are mitochondrial or have an Ensembl id or a position: without any of these they are
    predictions nothing measures.
    """
    aliases = grouped(database, "SELECT _id, alias_symbol FROM alias")
    ensembl = grouped(database, "SELECT _id, ensembl_id FROM ensembl")
    chromosomes = grouped(database, "SELECT _id, chromosome FROM chromosomes")
    places = grouped(database, "SELECT _id, seqname, start_location, end_location FROM chromosome_locations")
    bands = grouped(database, "SELECT _id, cytogenetic_location FROM cytogenetic_locations")
    rows = []
    for key, entrez, symbol, kind in database.execute(
        "SELECT _id, gene_id, symbol, gene_type FROM genes JOIN gene_info USING (_id) JOIN genetype USING (_id)"
    ):
        where = position(places[key], chromosomes[key])
        mitochondrial = "MT" in chromosomes[key]
        wanted = kind == "protein-coding" or mitochondrial or ensembl[key] or places[key]
        if kind == "biological-region" or not wanted:
            continue
        names, ncbi = set(aliases[key]), symbol
        if mitochondrial:
            # Data sets carry NCBI's symbol with and without the prefix (ND1, MT-ND1; COX1, MT-COX1).
            names |= {symbol, f"MT-{symbol}"}
            symbol = mitochondrial_symbol(symbol)
        rows.append(
            {
                "symbol": symbol,
                "ncbi": ncbi,
                "entrez": entrez,
                "ensembl": set(ensembl[key]),
                "aliases": names,
                "kind": kind,
                "bands": bands[key],
                **dict(zip(("chromosome", "start", "end"), where, strict=True)),
            }
        )
    return rows


def clean(rows: list[dict], current: set[str]) -> list[dict]:
    """Leave each symbol, Ensembl id and alias to whom it belongs.

    * Two genes with one symbol: the one with most Ensembl ids, then the lower Entrez id, keeps the row.
    * An Ensembl id of two genes (read-through transcripts, overlapping predictions) stays with the only
      protein-coding one; without exactly one it is left with all of them, and the reader calls it ambiguous.
    * An alias that is some gene's current symbol means that gene, so it is no alias.
    * Aliases with a separator in them are several names or a typing error, and are left out.
    """
    chosen: dict[str, dict] = {}
    for row in sorted(rows, key=lambda row: (row["symbol"], -len(row["ensembl"]), int(row["entrez"]))):
        chosen.setdefault(row["symbol"], row)
    rows = list(chosen.values())
    owners = defaultdict(list)
    for row in rows:
        for identifier in row["ensembl"]:
            owners[identifier].append(row)
    for identifier, sharing in owners.items():
        coding = [row for row in sharing if row["kind"] == "protein-coding"]
        if len(sharing) > 1 and len(coding) == 1:
            for row in sharing:
                if row is not coding[0]:
                    row["ensembl"].discard(identifier)
    current = current | set(chosen)
    for row in rows:
        # NCBI's own symbol of a mitochondrial gene (ND1) is the one current symbol that serves as an alias.
        taken = current - {row["ncbi"]} if row["ncbi"] != row["symbol"] else current
        row["aliases"] = {name for name in row["aliases"] if name not in taken and not re.search(r"[\s,;|]", name)}
    return rows


def build(database: sqlite3.Connection) -> str:
    """Return the text of the table, sorted by symbol."""
    current = {
        symbol
        for (symbol,) in database.execute(
            "SELECT symbol FROM gene_info JOIN genetype USING (_id) WHERE gene_type != 'biological-region'"
        )
    }
    lines = ["\t".join(COLUMNS)]
    rows = clean(read_genes(database), current)
    add_arms(rows)
    for row in rows:
        cells = {**row, "ensembl": ";".join(sorted(row["ensembl"])), "aliases": ";".join(sorted(row["aliases"]))}
        lines.append("\t".join(cells[column] for column in COLUMNS))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Build the table and print what resources/README.md has to say about it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, help="the .deb; downloaded with apt-get when not given")
    default = Path(__file__).resolve().parents[1] / "resources" / "genes" / "genes.tsv"
    parser.add_argument("--output", type=Path, default=default)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        package = arguments.package or fetch(Path(folder))
        subprocess.run(["dpkg", "-x", str(package), folder], check=True)
        (sqlite,) = Path(folder).rglob("org.Hs.eg.sqlite")
        database = sqlite3.connect(f"file:{sqlite}?mode=ro", uri=True)
        text = build(database)
        dates = dict(database.execute("SELECT map_name, source_date FROM map_metadata"))
        database.close()
        package_sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(text.encode())
    print(f"{package.name}  sha256 {package_sha256}")
    print(f"NCBI Gene {dates['SYMBOL']}, positions UCSC hg38 {dates['CHRLOC']}")
    digest = hashlib.sha256(text.encode()).hexdigest()
    print(f"{arguments.output.name}: {text.count(chr(10)) - 1} genes, {len(text.encode())} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
