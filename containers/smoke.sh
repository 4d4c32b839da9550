#!/bin/sh
# Does the installed workflow run? Plans the demo and makes its first table, in a folder that is removed afterwards.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT

cp -r "$root/config" "$root/profiles" "$project"
cd "$project"
snakemake --snakefile "$root/Snakefile" --cores 1 --dry-run >/dev/null
snakemake --snakefile "$root/Snakefile" --cores 1 --quiet all -- networks_prepare
test -s results/demo/networks/axes.tsv
echo "smoke test passed"
