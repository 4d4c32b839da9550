# Across cohorts: the activities of finished cohorts on the scale of one frozen reference. A workflow of its own, because
# it starts where those of the cohorts have ended: make atlas, or
#
#     snakemake --cores 1 --snakefile workflow/atlas.smk --configfile config/atlas.yaml
from snakemake.utils import min_version

min_version("9.14")

if "atlas" not in config:

    configfile: "config/atlas.yaml"


include: "rules/code.smk"
include: "rules/resources.smk"
include: "rules/atlas.smk"


rule all:
    default_target: True
    input:
        rules.atlas_render.output.html,


onsuccess:
    print(f"  atlas: {rules.atlas_render.output.html}")
