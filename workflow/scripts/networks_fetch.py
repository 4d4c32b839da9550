"""Download CollecTRI through decoupler and check it against the sha256 of the config."""

import decoupler as dc

from stat3act import logs, tables
from stat3act.networks import check_download, check_sha256

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))

tables.write_table(snakemake.output.regulon, check_download(dc.op.collectri()))
expected = snakemake.params.settings["regulon_sha256"]
check_sha256(snakemake.output.regulon, expected, "collectri", required=True)
