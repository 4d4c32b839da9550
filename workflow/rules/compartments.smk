# Which signal is tumour, which microenvironment? Single cells; bulk is in compartments_bulk.smk.
#
# INPUTS
#     <results>/expression/cells/{sample}.h5ad         cells that passed quality control
#     <results>/expression/doublets/{sample}.h5ad      doublets that were removed
#     resources/markers/lineages.tsv                   marker genes of the lineages
#     resources/genes/genes.tsv                        current symbols
#     compartments.celltypist_model                    a CellTypist model instead of marker genes
# OUTPUTS
#     <results>/compartments/lineages/{sample}.h5ad    clusters, lineages and map of the cells
#     <results>/compartments/normals.h5ad              normal cells for samples with too few of their own
#     <results>/compartments/cells/{sample}.tsv.gz     lineage, malignant call and compartment of every cell
#     <results>/compartments/copy_number/{sample}.*    gains and losses along the genome, by small groups of cells
#     <results>/compartments/pseudobulk/{sample}.*     sums over the cells of every compartment and lineage
#     <results>/compartments/expression.h5ad           log2 expression, sample x compartment
#     <results>/compartments/composition.tsv           cells and fractions of every compartment
#     <results>/compartments/pseudobulk.tsv            cells and genes of every compartment and lineage
#     <results>/compartments/clusters.tsv              what every cluster was taken for, and why
#     <results>/compartments/agreement.tsv             the user's labels beside what was found without them
#     <results>/compartments/contamination.tsv         ambient share of the counts of every compartment and lineage
#     <results>/compartments/arms.tsv                  gains and losses of the malignant cells by chromosome arm
#     <results>/compartments/reference.tsv             profiles for bulk cohorts
if SINGLE_CELL:

    rule compartments_lineages:
        input:
            cells="<results>/expression/cells/{sample}.h5ad",
            markers=bundled("resources/markers/lineages.tsv"),
            genes=bundled("resources/genes/genes.tsv"),
            model=config["compartments"]["celltypist_model"] or [],
        output:
            lineages="<results>/compartments/lineages/{sample}.h5ad",
            lent="<results>/compartments/lent/{sample}.h5ad",
        log:
            "<logs>/compartments_lineages/{sample}.log",
        benchmark:
            "<benchmarks>/compartments_lineages/{sample}.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=40, floor=3000, cap=128000),
            runtime=runtime_for(120),
        params:
            code=fingerprint("compartments_lineages.py", "resources/genes/genes.tsv", "resources/markers/lineages.tsv"),
            settings=labelling_settings(config["compartments"]["clustering"], ["candidates"], "lineages"),
        script:
            "../scripts/compartments_lineages.py"

    rule compartments_normals:
        input:
            lent=expand("<results>/compartments/lent/{sample}.h5ad", sample=SAMPLES),
        output:
            pool="<results>/compartments/normals.h5ad",
        log:
            "<logs>/compartments_normals.log",
        benchmark:
            "<benchmarks>/compartments_normals.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=2000, cap=32000),
            runtime=runtime_for(30),
        params:
            code=fingerprint("compartments_normals.py"),
        script:
            "../scripts/compartments_normals.py"

    rule compartments_label:
        input:
            cells="<results>/expression/cells/{sample}.h5ad",
            doublets="<results>/expression/doublets/{sample}.h5ad",
            lineages="<results>/compartments/lineages/{sample}.h5ad",
            markers=bundled("resources/markers/lineages.tsv"),
            pool=branch(
                borrows_normals(),
                then="<results>/compartments/normals.h5ad",
                otherwise=[],
            ),
        output:
            cells=ensure("<results>/compartments/cells/{sample}.tsv.gz", non_empty=True),
            clusters="<results>/compartments/clusters/{sample}.tsv",
            agreement="<results>/compartments/agreement/{sample}.tsv",
            copy_number="<results>/compartments/copy_number/{sample}.tsv.gz",
            arms="<results>/compartments/arms/{sample}.tsv",
            contamination="<results>/compartments/contamination/{sample}.tsv",
            matrix="<results>/compartments/pseudobulk/{sample}.parquet",
            doubled="<results>/compartments/doublets/{sample}.parquet",
            units="<results>/compartments/pseudobulk/{sample}.tsv",
        log:
            "<logs>/compartments_label/{sample}.log",
        benchmark:
            "<benchmarks>/compartments_label/{sample}.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=40, floor=3000, cap=128000),
            runtime=runtime_for(120),
        params:
            code=fingerprint("compartments_label.py", "resources/markers/lineages.tsv"),
            settings=labelling_settings(
                ["margin"], config["compartments"]["malignant"], "celltypist_model", "mutation_key", "mutation_values"
            ),
        script:
            "../scripts/compartments_label.py"

    rule compartments_gather:
        input:
            matrices=expand("<results>/compartments/pseudobulk/{sample}.parquet", sample=SAMPLES),
            units=expand("<results>/compartments/pseudobulk/{sample}.tsv", sample=SAMPLES),
            doubled=expand("<results>/compartments/doublets/{sample}.parquet", sample=SAMPLES),
            contamination=expand("<results>/compartments/contamination/{sample}.tsv", sample=SAMPLES),
            clusters=expand("<results>/compartments/clusters/{sample}.tsv", sample=SAMPLES),
            agreement=expand("<results>/compartments/agreement/{sample}.tsv", sample=SAMPLES),
            arms=expand("<results>/compartments/arms/{sample}.tsv", sample=SAMPLES),
        output:
            expression=ensure("<results>/compartments/expression.h5ad", non_empty=True),
            composition=ensure("<results>/compartments/composition.tsv", non_empty=True),
            units=ensure("<results>/compartments/pseudobulk.tsv", non_empty=True),
            clusters="<results>/compartments/clusters.tsv",
            agreement="<results>/compartments/agreement.tsv",
            arms="<results>/compartments/arms.tsv",
            contamination="<results>/compartments/contamination.tsv",
        log:
            "<logs>/compartments_gather.log",
        benchmark:
            "<benchmarks>/compartments_gather.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=30, floor=2000, cap=64000),
            runtime=runtime_for(30),
        params:
            code=fingerprint("compartments_gather.py"),
            samples=SAMPLES,
            settings=settings("compartments.min_cells", "expression.scale"),
        script:
            "../scripts/compartments_gather.py"

    rule compartments_reference:
        input:
            pseudobulk=expand("<results>/compartments/pseudobulk/{sample}.parquet", sample=SAMPLES),
            units=expand("<results>/compartments/pseudobulk/{sample}.tsv", sample=SAMPLES),
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
            runtime=runtime_for(30),
        params:
            code=fingerprint("compartments_reference.py"),
            samples=sheet_columns("sample", "patient"),
            settings=settings("compartments.min_cells"),
        script:
            "../scripts/compartments_reference.py"
