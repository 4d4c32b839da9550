# Can these numbers be trusted in this cohort? Each rule exists only where the config names a truth.
#
# INPUTS
#     <results>/activity/scores.tsv               one row per sample x compartment x axis
#     <results>/compartments/expression.h5ad      log2 expression, for the baselines
#     <results>/networks/axes.tsv, ligands.tsv    genes of the unsigned baseline
#     <results>/profiles/calls.tsv                the calls
#     validation.phospho                          phospho measurements
#     <results>/expression/bulk.h5ad              bulk with a reference: its depth, purity and platform
#     <results>/compartments/fit.h5ad             bulk with a reference: the reference and the fractions
# OUTPUTS
#     <results>/validation/selfcheck.tsv          what the split finds in mixtures of tumours left out of the reference
#     <results>/validation/calibration.tsv        half widths of intervals, measured on these mixtures
#     <results>/validation/purity.tsv             purity of every sample with its interval
#     <results>/validation/phospho.tsv            rank correlation of each method with phospho-STAT3
#     <results>/validation/phospho_samples.tsv    the samples behind it
#     <results>/validation/expected.tsv           expected and found calls
VALIDATION_OUTPUTS = selfcheck_tables()

if selfcheck_tables():
    VALIDATION_OUTPUTS.append("<results>/validation/purity.tsv")

    rule validation_selfcheck:
        input:
            expression="<results>/expression/bulk.h5ad",
            fit="<results>/compartments/fit.h5ad",
            axes="<results>/networks/axes.tsv",
            genes=bundled("resources/genes/genes.tsv"),
        output:
            selfcheck=report(
                "<results>/validation/selfcheck.tsv",
                caption="../report/selfcheck.rst",
                category="Validation",
                labels={"item": "Self-check of the reference", "cohort": "<cohort>"},
            ),
            calibration="<results>/validation/calibration.tsv",
            purity="<results>/validation/purity.tsv",
        log:
            "<logs>/validation_selfcheck.log",
        benchmark:
            "<benchmarks>/validation_selfcheck.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=3000, cap=64000),
            runtime=runtime_for(60),
        params:
            code=fingerprint("validation_selfcheck.py", "resources/genes/genes.tsv"),
            settings=split_settings(),
            reference=config["compartments"]["reference"],
        script:
            "../scripts/validation_selfcheck.py"


if config["validation"]["phospho"]:
    VALIDATION_OUTPUTS.append("<results>/validation/phospho.tsv")

    rule validation_phospho:
        input:
            scores="<results>/activity/scores.tsv",
            expression="<results>/compartments/expression.h5ad",
            axes="<results>/networks/axes.tsv",
            ligands="<results>/networks/ligands.tsv",
            phospho=data_path(config["validation"]["phospho"]),
        output:
            agreement=report(
                ensure("<results>/validation/phospho.tsv", non_empty=True),
                caption="../report/phospho.rst",
                category="Validation",
                labels={"item": "Agreement with phospho-STAT3", "cohort": "<cohort>"},
            ),
            samples="<results>/validation/phospho_samples.tsv",
        log:
            "<logs>/validation_phospho.log",
        benchmark:
            "<benchmarks>/validation_phospho.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=4, floor=2000, cap=32000),
            runtime=runtime_for(30),
        params:
            code=fingerprint("validation_phospho.py"),
            samples=sheet_columns("patient", "sample", *filter(None, [config["validation"]["purity"]])),
            settings=settings("seed", "validation"),
        script:
            "../scripts/validation_phospho.py"


if config["validation"]["expected_call"]:
    VALIDATION_OUTPUTS.append("<results>/validation/expected.tsv")

    rule validation_expected:
        input:
            calls="<results>/profiles/calls.tsv",
        output:
            expected=report(
                ensure("<results>/validation/expected.tsv", non_empty=True),
                caption="../report/expected.rst",
                category="Validation",
                labels={"item": "Known calls", "cohort": "<cohort>"},
            ),
        log:
            "<logs>/validation_expected.log",
        benchmark:
            "<benchmarks>/validation_expected.tsv"
        conda:
            "../envs/stat3act.yaml"
        threads: 1
        resources:
            mem_mb=memory_for(factor=20, floor=1000, cap=8000),
            runtime=runtime_for(10),
        params:
            code=fingerprint("validation_expected.py"),
            column=config["validation"]["expected_call"],
            samples=sheet_columns("sample", config["validation"]["expected_call"]),
        script:
            "../scripts/validation_expected.py"
