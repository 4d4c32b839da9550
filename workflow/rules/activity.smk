# How active is STAT3 there, beyond its rivals and beyond chance?
#
# INPUTS
#     <results>/compartments/expression.h5ad    log2 expression, sample x compartment
#     <results>/compartments/composition.tsv    cells and fractions of every compartment
#     <results>/compartments/split.tsv          bulk with a reference: the two compartments' activities
#     <results>/validation/{selfcheck,calibration}.tsv   bulk with a reference: its measured intervals and limits
#     <results>/networks/axes.tsv               the axes
#     <results>/expression/cells/{sample}.h5ad     single cell: counts of a sample's cells
#     <results>/compartments/cells/{sample}.tsv.gz single cell: lineage and compartment of each cell
# OUTPUTS
#     <results>/activity/scores.tsv             one row per sample x compartment x axis
#     <results>/activity/reference.tsv          what is compared with: location and scale of every gene, inflation of
#                                               every axis; not written where the config names a frozen reference
#     <results>/activity/cells/{sample}.h5ad    single cell: scores of each cell, for pictures
# A cohort may name its own earlier reference as frozen: no rule may then make that file again.
if not FROZEN:

    rule activity_reference:
        input:
            expression="<results>/compartments/expression.h5ad",
            axes="<results>/networks/axes.tsv",
        output:
            reference="<results>/activity/reference.tsv",
        log:
            "<logs>/activity_reference.log",
        benchmark:
            "<benchmarks>/activity_reference.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=10, floor=2000, cap=64000),
            runtime=runtime_for(60),
        params:
            code=fingerprint("activity_reference.py"),
            samples=scoring_samples(),
            settings=settings(
                "activity.clip",
                "activity.min_log2_cpm",
                "activity.min_programme_targets",
                "activity.min_reference_samples",
                "activity.min_scale",
                "activity.min_targets",
                "activity.reference",
                "activity.rivals",
            ),
        script:
            "../scripts/activity_reference.py"


rule activity_score:
    input:
        expression="<results>/compartments/expression.h5ad",
        composition="<results>/compartments/composition.tsv",
        split=branch(SPLIT, then="<results>/compartments/split.tsv", otherwise=[]),
        selfcheck=selfcheck_tables(),
        axes="<results>/networks/axes.tsv",
        reference=FROZEN or "<results>/activity/reference.tsv",
    output:
        scores=ensure("<results>/activity/scores.tsv", non_empty=True),
    log:
        "<logs>/activity_score.log",
    benchmark:
        "<benchmarks>/activity_score.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=10, floor=2000, cap=64000),
        runtime=runtime_for(60),
    params:
        code=fingerprint("activity_score.py"),
        samples=scoring_samples(),
        settings=settings("activity"),
        min_recovery=settings("compartments.min_recovery") if SPLIT else None,
    script:
        "../scripts/activity_score.py"


if SINGLE_CELL:

    rule activity_guards:
        input:
            expression="<results>/compartments/expression.h5ad",
            axes="<results>/networks/axes.tsv",
            reference=FROZEN or "<results>/activity/reference.tsv",
        output:
            scores="<results>/activity/guards.tsv",
        log:
            "<logs>/activity_guards.log",
        benchmark:
            "<benchmarks>/activity_guards.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=10, floor=2000, cap=64000),
            runtime=runtime_for(60),
        params:
            code=fingerprint("activity_guards.py"),
            samples=scoring_samples(),
            # Other methods beside ours are not guarded.
            settings=settings(*(f"activity.{key}" for key in config["activity"] if key != "also")),
        script:
            "../scripts/activity_guards.py"

    rule activity_cells:
        input:
            expression="<results>/expression/cells/{sample}.h5ad",
            labels="<results>/compartments/cells/{sample}.tsv.gz",
            axes="<results>/networks/axes.tsv",
        output:
            cells="<results>/activity/cells/{sample}.h5ad",
        log:
            "<logs>/activity_cells/{sample}.log",
        benchmark:
            "<benchmarks>/activity_cells/{sample}.tsv"
        conda:
            "../envs/stat3act.yaml"
        # A second thread reads ahead, which pays for samples of 100,000 cells and more (set-threads in a profile).
        threads: 1
        resources:
            mem_mb=memory_for(factor=1, floor=2000, cap=16000),
            runtime=runtime_for(60),
        params:
            code=fingerprint("activity_cells.py"),
            settings=settings(
                "activity.clip",
                "activity.min_log2_cpm",
                "activity.min_programme_targets",
                "activity.min_scale",
                "activity.min_targets",
                "activity.rivals",
            ),
        script:
            "../scripts/activity_cells.py"
