"""Join, check and hash the axes of the cohort."""

from stat3act import logs, tables
from stat3act.networks import build_network, check_sha256, read_axes, read_regulon, read_symbols

logs.start(snakemake)

settings = snakemake.params.settings
regulon = None
if snakemake.input.regulon:
    path = str(snakemake.input.regulon)
    check_sha256(path, settings["regulon_sha256"], settings["regulon"])
    regulon = read_regulon(path, settings["regulon"], settings["regulon_min_references"])
axes, ligands, summary = build_network(
    [read_axes(path) for path in snakemake.input.axes],
    tables.read_text_table(snakemake.input.ligands),
    tables.read_text_table(snakemake.input.markers),
    read_symbols(snakemake.input.genes),
    regulon,
)
tables.write_table(snakemake.output.axes, axes)
tables.write_table(snakemake.output.ligands, ligands)
tables.write_json(snakemake.output.summary, summary)
