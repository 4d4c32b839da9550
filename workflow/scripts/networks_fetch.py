"""Download CollecTRI through decoupler and check it against the sha256 of the config."""

import decoupler as dc

from stat3act import logs, tables
from stat3act.networks import check_download, check_sha256

logs.start(snakemake)

expected = snakemake.params.settings["regulon_sha256"]
network = check_download(dc.op.collectri())


def write_checked(partial):
    """Write the network; a file that fails the check must never have its final name."""
    tables.write_table(partial, network)
    check_sha256(partial, expected, "collectri", required=True, shown="downloaded CollecTRI")


tables.write_whole(snakemake.output.regulon, write_checked)
