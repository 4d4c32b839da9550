# How do finished cohorts compare? Needs code.smk and resources.smk.
#
# INPUTS
#     results/<cohort>/profiles/*.tsv      activation profiles and calls of each cohort
#     results/<cohort>/provenance.json     what each cohort was scored against, and how
# OUTPUTS
#     atlas/<atlas>/activities.tsv         activities of all cohorts on the frozen scale
#     atlas/<atlas>/overview.tsv           every compartment and axis of every cohort, summed up
#     atlas/<atlas>/comparisons.tsv        cohorts compared, patients as replicates
#     atlas/<atlas>/shared.tsv             samples that two cohorts share
#     atlas/<atlas>/atlas.html             the page
import json
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

# The modules must be in place before they can be imported here.
sources("import stat3act.atlas.comparable, stat3act.report.parts")
sys.path.insert(0, str(Path(workflow.source_path("../scripts/stat3act/problems.py")).parent.parent))

from stat3act.atlas.comparable import check_atlas
from stat3act.problems import InputProblems
from stat3act.report.parts import ATLAS_FILES

ATLAS_FILE = str(workflow.configfiles[-1]) if workflow.configfiles else "config"
ATLAS, problems = check_atlas(dict(config), yaml.safe_load(read_source("../schemas/atlas.schema.yaml")), ATLAS_FILE)
if problems:
    raise WorkflowError(str(InputProblems(problems)))
COHORTS = ATLAS["cohorts"]
LEVEL = json.loads(Path(f"results/{COHORTS[0]}/provenance.json").read_text())["config"]["activity"]["confidence_level"]


rule atlas_compare:
    input:
        profiles=expand("results/{cohort}/profiles/activation_profiles.tsv", cohort=COHORTS),
        provenance=expand("results/{cohort}/provenance.json", cohort=COHORTS),
    output:
        activities=f"atlas/{ATLAS['atlas']}/activities.tsv",
        overview=f"atlas/{ATLAS['atlas']}/overview.tsv",
        comparisons=f"atlas/{ATLAS['atlas']}/comparisons.tsv",
        shared=f"atlas/{ATLAS['atlas']}/shared.tsv",
    log:
        f"logs/atlas/{ATLAS['atlas']}/atlas_compare.log",
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=20, floor=4000, cap=32000),
        runtime=runtime_for(30),
    params:
        code=fingerprint("atlas_compare.py"),
        cohorts=COHORTS,
        level=LEVEL,
    script:
        "../scripts/atlas_compare.py"


rule atlas_render:
    input:
        **{
            name: getattr(rules.atlas_compare.output, name)
            for name in ("activities", "overview", "comparisons", "shared")
        },
        provenance=expand("results/{cohort}/provenance.json", cohort=COHORTS),
        parts=[bundled(f"workflow/report/{name}") for name in ATLAS_FILES],
    output:
        html=f"atlas/{ATLAS['atlas']}/atlas.html",
    log:
        f"logs/atlas/{ATLAS['atlas']}/atlas_render.log",
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=20, floor=4000, cap=32000),
        runtime=runtime_for(30),
    params:
        code=fingerprint("atlas_render.py", *(f"workflow/report/{name}" for name in ATLAS_FILES)),
        cohorts=COHORTS,
        settings={key: ATLAS[key] for key in sorted(ATLAS)},
    script:
        "../scripts/atlas_render.py"
