# Which signal is tumour, which microenvironment?
#
# INPUTS
#     <results>/expression/bulk.h5ad                   bulk samples, linear and log2
#     compartments.reference                           bulk: profiles of tumour and microenvironment states
#     <results>/networks/axes.tsv                      the axes
#     <results>/expression/cells/{sample}.h5ad         cells that passed quality control
#     resources/markers/lineages.tsv                   marker genes of the lineages
# OUTPUTS
#     <results>/compartments/cells/{sample}.tsv.gz     lineage, malignant call and compartment of every cell
#     <results>/compartments/pseudobulk/{sample}.*     sums over the cells of every compartment, cell numbers
#     <results>/compartments/expression.h5ad           log2 expression, sample x compartment
#     <results>/compartments/composition.tsv           cells and fractions of every compartment
#     <results>/compartments/reference.tsv             single cell: profiles for bulk cohorts
#     <results>/compartments/fractions.tsv             bulk: mRNA share of every compartment and lineage
#     <results>/compartments/split.tsv                 bulk: activity of tumour and microenvironment


if SINGLE_CELL:

    rule compartments_label:
        input:
            cells="<results>/expression/cells/{sample}.h5ad",
            markers=bundled("resources/markers/lineages.tsv"),
        output:
            labels=ensure("<results>/compartments/cells/{sample}.tsv.gz", non_empty=True),
            matrix="<results>/compartments/pseudobulk/{sample}.parquet",
            meta="<results>/compartments/pseudobulk/{sample}.tsv",
        log:
            "<logs>/compartments_label/{sample}.log",
        benchmark:
            "<benchmarks>/compartments_label/{sample}.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=40, floor=3000, cap=128000),
            runtime=120,
        params:
            code=fingerprint("compartments_label.py", "resources/markers/lineages.tsv"),
            settings={
                "compartments": {
                    key: settings(f"compartments.{key}")
                    for key in [
                        "cell_type_key",
                        "clustering",
                        "lineages",
                        "malignant",
                        "malignant_key",
                        "malignant_values",
                        "non_malignant_values",
                    ]
                },
                **settings("expression.scale", "seed", "tumour_type"),
            },
        script:
            "../scripts/compartments_label.py"

    rule compartments_gather:
        input:
            matrices=expand("<results>/compartments/pseudobulk/{sample}.parquet", sample=SAMPLES),
            metas=expand("<results>/compartments/pseudobulk/{sample}.tsv", sample=SAMPLES),
        output:
            expression=ensure("<results>/compartments/expression.h5ad", non_empty=True),
            composition=ensure("<results>/compartments/composition.tsv", non_empty=True),
        log:
            "<logs>/compartments_gather.log",
        benchmark:
            "<benchmarks>/compartments_gather.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=30, floor=2000, cap=64000),
            runtime=30,
        params:
            code=fingerprint("compartments_gather.py"),
            samples=SAMPLES,
            settings=settings("compartments.min_cells", "expression.scale"),
        script:
            "../scripts/compartments_gather.py"

    rule compartments_reference:
        input:
            pseudobulk=expand("<results>/compartments/pseudobulk/{sample}.parquet", sample=SAMPLES),
            cells=expand("<results>/compartments/pseudobulk/{sample}.tsv", sample=SAMPLES),
        output:
            reference="<results>/compartments/reference.tsv",
        log:
            "<logs>/compartments_reference.log",
        benchmark:
            "<benchmarks>/compartments_reference.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=2000, cap=64000),
            runtime=30,
        params:
            code=fingerprint("compartments_reference.py"),
            samples=sheet_columns("sample", "patient"),
            settings=settings("compartments.min_cells"),
        script:
            "../scripts/compartments_reference.py"


if not SINGLE_CELL:

    rule compartments_unsplit:
        input:
            expression="<results>/expression/bulk.h5ad",
        output:
            **unsplit_outputs(),
        log:
            "<logs>/compartments_unsplit.log",
        benchmark:
            "<benchmarks>/compartments_unsplit.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=1500, cap=64000),
            runtime=30,
        params:
            code=fingerprint("compartments_unsplit.py"),
        script:
            "../scripts/compartments_unsplit.py"


if SPLIT:

    rule compartments_deconvolve:
        input:
            expression="<results>/expression/bulk.h5ad",
            reference=reference_files(),
            axes="<results>/networks/axes.tsv",
            genes=bundled("resources/genes/genes.tsv"),
        output:
            fractions="<results>/compartments/fractions.tsv",
            composition="<results>/compartments/composition.tsv",
            fit="<results>/compartments/fit.h5ad",
        log:
            "<logs>/compartments_deconvolve.log",
        benchmark:
            "<benchmarks>/compartments_deconvolve.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=10, floor=2000, cap=64000),
            runtime=60,
        params:
            code=fingerprint("compartments_deconvolve.py", "resources/genes/genes.tsv"),
            settings=settings(
                *(f"compartments.{key}" for key in ["lineages", "malignant_values", "max_purity", "min_purity"])
            ),
        script:
            "../scripts/compartments_deconvolve.py"

    rule compartments_split:
        input:
            expression="<results>/expression/bulk.h5ad",
            fit="<results>/compartments/fit.h5ad",
            axes="<results>/networks/axes.tsv",
            genes=bundled("resources/genes/genes.tsv"),
        output:
            split=ensure("<results>/compartments/split.tsv", non_empty=True),
        log:
            "<logs>/compartments_split.log",
        benchmark:
            "<benchmarks>/compartments_split.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=2000, cap=64000),
            runtime=60,
        params:
            code=fingerprint("compartments_split.py", "resources/genes/genes.tsv"),
            settings={
                "activity": settings(
                    "activity.confidence_level",
                    "activity.min_programme_targets",
                    "activity.min_reference_samples",
                    "activity.min_targets",
                    "activity.rivals",
                ),
                "compartments": settings("compartments.max_purity", "compartments.min_purity"),
                "seed": config["seed"],
            },
        script:
            "../scripts/compartments_split.py"
