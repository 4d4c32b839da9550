"""Compare finished cohorts on the scale of one frozen reference."""

from stat3act import logs, tables
from stat3act.atlas.compare import compare_cohorts, join_cohorts, overview, shared_samples

logs.start(snakemake)

cohorts = zip(snakemake.params.cohorts, snakemake.input.profiles, strict=True)
profiles = {name: tables.read_table(path) for name, path in cohorts}
joined = join_cohorts(profiles)
found = {
    "activities": joined,
    "overview": overview(profiles, joined),
    "comparisons": compare_cohorts(joined, snakemake.params.level),
    "shared": shared_samples(joined),
}
for name, table in found.items():
    tables.write_table(snakemake.output[name], table)
