# What do the scores mean for this sample?
#
# INPUTS
#     <results>/activity/scores.tsv                  one row per sample x compartment x axis
#     <results>/compartments/expression.h5ad         log2 expression, for ligands and receptors
#     <results>/compartments/composition.tsv         cells and fractions of every compartment
#     <results>/networks/ligands.tsv                 ligands and their receptors
#     <results>/activity/guards.tsv                  single cell: scores without ambient RNA, and with doublets
#     <results>/compartments/reference_check.tsv     bulk with a reference: flags of the reference
#     validation.phospho                             phospho measurements, if given
#     profiles.lesions                               genetic lesions, if given
#     resources/networks/lesions.tsv                 lesions that can drive STAT3
# OUTPUTS
#     <results>/profiles/activation_profiles.tsv     the scores, with the patient
#     <results>/profiles/calls.tsv                   one call per sample
#     <results>/profiles/drivers.tsv                 who could drive STAT3
#     <results>/profiles/lesions.tsv                 lesions that can drive it
#     <results>/profiles/guards.tsv                  single cell: what ambient RNA and doublets change
#     <results>/profiles/profiles.h5ad               the profiles as AnnData
#     <results>/profiles/groups.tsv                  groups of patients compared, by columns of the sheet
rule profiles_call:
    input:
        scores="<results>/activity/scores.tsv",
        expression="<results>/compartments/expression.h5ad",
        composition="<results>/compartments/composition.tsv",
        ligands="<results>/networks/ligands.tsv",
        guards=branch(SINGLE_CELL, then="<results>/activity/guards.tsv", otherwise=[]),
        reference_check=branch(SPLIT, then="<results>/compartments/reference_check.tsv", otherwise=[]),
        phospho=data_path(config["validation"]["phospho"]) if config["validation"]["phospho"] else [],
        lesions=data_path(config["profiles"]["lesions"]) if config["profiles"]["lesions"] else [],
        known_lesions=bundled("resources/networks/lesions.tsv"),
    output:
        profiles=report(
            ensure("<results>/profiles/activation_profiles.tsv", non_empty=True),
            caption="../report/activation_profiles.rst",
            category="Calls",
            labels={"item": "Activation profiles", "cohort": "<cohort>"},
        ),
        calls=report(
            ensure("<results>/profiles/calls.tsv", non_empty=True),
            caption="../report/calls.rst",
            category="Calls",
            labels={"item": "Calls", "cohort": "<cohort>"},
        ),
        drivers=report(
            "<results>/profiles/drivers.tsv",
            caption="../report/drivers.rst",
            category="Drivers",
            labels={"item": "Ligands and receptors", "cohort": "<cohort>"},
        ),
        lesions=report(
            "<results>/profiles/lesions.tsv",
            caption="../report/lesions.rst",
            category="Drivers",
            labels={"item": "Genetic lesions", "cohort": "<cohort>"},
        ),
        guards="<results>/profiles/guards.tsv",
        matrix="<results>/profiles/profiles.h5ad",
    log:
        "<logs>/profiles_call.log",
    benchmark:
        "<benchmarks>/profiles_call.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=4, floor=2000, cap=32000),
        runtime=runtime_for(30),
    params:
        code=fingerprint("profiles_call.py", "resources/networks/lesions.tsv"),
        samples=sheet_columns("patient", "sample"),
        settings=settings("activity.rivals", "expression.type", "profiles", "tumour_type"),
        phospho=settings(
            "validation.phospho_column",
            "validation.phospho_s727_column",
            "validation.phospho_sample_characters",
        ),
    script:
        "../scripts/profiles_call.py"


rule profiles_group:
    input:
        scores="<results>/activity/scores.tsv",
    output:
        groups=report(
            "<results>/profiles/groups.tsv",
            caption="../report/groups.rst",
            category="Groups",
            labels={"item": "Groups of patients", "cohort": "<cohort>"},
        ),
    log:
        "<logs>/profiles_group.log",
    benchmark:
        "<benchmarks>/profiles_group.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=10, floor=1000, cap=16000),
        runtime=runtime_for(30),
    params:
        code=fingerprint("profiles_group.py"),
        samples=sheet_columns("patient", "sample", *config["profiles"]["groups"]),
        settings=settings("activity.confidence_level", "profiles.groups"),
    script:
        "../scripts/profiles_group.py"
