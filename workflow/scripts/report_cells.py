"""Draw the cells of one sample: lineages, malignant calls, STAT3 activity, gains and losses."""

from stat3act import logs, tables
from stat3act.report.cells import draw_sample, read_activity, with_activity, write_picture

logs.start(snakemake)

text = {"dtype": {"cluster": str}}
cells = with_activity(tables.read_table(snakemake.input.labels, **text), read_activity(snakemake.input.activity))
clusters = tables.read_table(snakemake.input.clusters, **text)
groups = tables.read_table(snakemake.input.copy_number, **text)
name = snakemake.wildcards.sample if snakemake.params.named else None
write_picture(snakemake.output.picture, draw_sample(name, cells, clusters, groups))
