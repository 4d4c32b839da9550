"""Turn the scores of a cohort into one activation profile and one call per sample."""

from stat3act import logs, tables
from stat3act.compartments.guarded import AMBIENT_LAYER
from stat3act.profiles.cohort import profile_cohort
from stat3act.profiles.lesions import read_lesions
from stat3act.profiles.noncanonical import read_phospho

logs.start(snakemake)
given, samples = snakemake.input, snakemake.params.samples
found = profile_cohort(
    tables.read_expression(given.expression, [AMBIENT_LAYER]),
    tables.read_table(given.scores),
    tables.read_table(given.guards) if given.guards else None,
    tables.read_table(given.composition),
    tables.read_table(given.ligands),
    samples,
    read_phospho(given.phospho, samples, snakemake.params.phospho),
    read_lesions(given.lesions, given.known_lesions, {row["sample"] for row in samples}),
    snakemake.params.settings,
    tables.read_table(given.reference_check) if given.reference_check else None,
)
for name in ("profiles", "calls", "drivers", "lesions", "guards"):
    tables.write_table(snakemake.output[name], getattr(found, name))
tables.write_h5ad(snakemake.output.matrix, found.matrix)
