# Which genes speak for STAT3, and which for its rivals?
#
# INPUTS
#     resources/networks/*.tsv          the bundled axes and the ligands
#     resources/markers/lineages.tsv    genes that define compartments: none of them may be scored
#     resources/genes/genes.tsv         current symbols
#     networks.regulon                  a user's or CollecTRI's STAT3 regulon, if there is one
# OUTPUTS
#     <results>/networks/axes.tsv       axis x gene: weight, panel, compartments, source
#     <results>/networks/ligands.tsv    ligands, receptors, kinases, feedback
#     <results>/networks/network.json   sha256 of the axes, their sizes, what the checks found, the regulon's origin
AXES = [f"resources/networks/{name}.tsv" for name in ("stat3", "rivals", "shared", "programmes")]
BUNDLED = ["resources/networks/ligands.tsv", "resources/markers/lineages.tsv", "resources/genes/genes.tsv"]


rule networks_prepare:
    input:
        axes=[bundled(path) for path in AXES],
        ligands=bundled("resources/networks/ligands.tsv"),
        markers=bundled("resources/markers/lineages.tsv"),
        genes=bundled("resources/genes/genes.tsv"),
        regulon=regulon_path(),
    output:
        axes="<results>/networks/axes.tsv",
        ligands="<results>/networks/ligands.tsv",
        summary="<results>/networks/network.json",
    log:
        "<logs>/networks_prepare.log",
    benchmark:
        "<benchmarks>/networks_prepare.tsv"
    conda:
        "../envs/stat3act.yaml"
    threads: 1
    resources:
        mem_mb=memory_for(factor=20, floor=1000, cap=8000),
        runtime=runtime_for(10),
    params:
        code=fingerprint("networks_prepare.py", *AXES, *BUNDLED),
        settings=settings("networks"),
    script:
        "../scripts/networks_prepare.py"


if config["networks"]["regulon"] == "collectri":

    # A login node has the network that compute nodes often lack.
    rule networks_fetch:
        output:
            regulon="<results>/networks/collectri.tsv",
        log:
            "<logs>/networks_fetch.log",
        retries: 2
        localrule: True
        conda:
            "../envs/stat3act.yaml"
        resources:
            mem_mb=memory_for(factor=1, floor=1000, cap=4000),
            runtime=runtime_for(10),
        params:
            code=fingerprint("networks_fetch.py"),
            settings=settings("networks"),
        script:
            "../scripts/networks_fetch.py"
