"""Is a reference of another tissue told from one that fits? Real profiles, real bulk, mixtures of held-out tumours."""

import numpy as np
import pandas as pd
import pytest

from stat3act.compartments.mixture import fit_states
from stat3act.compartments.reference import read_reference
from stat3act.compartments.reference_check import MISFIT, check_reference
from stat3act.compartments.reference_pool import read_references
from stat3act.expression.bulk import harmonise_cohort
from stat3act.tables import read_text_table
from stat3act.validation.mixtures import hold_out, mix
from workflow.harness import ROOT

pytestmark = pytest.mark.real
NATURAL = {"strength": 0.0, "noise": 0.0, "factors": 0, "one_patient": True}
TCGA = "bulk_pstat3/tcga_{}_rnaseqv2_rsem_norm.parquet"


def profiles(data_dir, name):
    return data_dir / f"deconvolution/refPhi_{name}_profiles.parquet"


def checked(linear, reference, scale="rsem"):
    fit = fit_states(linear, reference, set())
    return check_reference(linear, reference, fit, scale, seed=1), fit


def bulk(data_dir, file, scale, samples):
    path = data_dir / file
    names = [name for name in pd.read_parquet(path).columns if str(name).startswith("TCGA")][:samples]
    rows = [{"sample": name, "column": name, "matrix": 0} for name in names]
    column = "symbol" if scale == "counts" else None
    cohort, _ = harmonise_cohort([str(path)], rows, read_text_table(ROOT / "resources/genes/genes.tsv"), scale, column)
    return pd.DataFrame(np.asarray(cohort.layers["linear"], float), cohort.obs_names, cohort.var_names)


@pytest.mark.parametrize("name", ["SKCM", "BRCA"])
@pytest.mark.parametrize("platform", [0.0, 0.5])
def test_mixtures_of_held_out_tumours_are_not_flagged(data_dir, name, platform):
    flagged, errors = [], []
    for seed in range(3):
        source, known = hold_out(read_reference(profiles(data_dir, name)), seed)
        mixtures = mix(source, pd.Series(dtype=float), 40, seed, platform=platform, **NATURAL)
        found, fit = checked(mixtures.linear, known, "counts")
        flagged.append(found.misfit.mean())
        errors.append((fit.purity(known.is_tumour) - mixtures.purity).abs().mean())
    print(f"\n{name}, platform {platform}: flagged {np.round(flagged, 3)}, error of purity {np.round(errors, 3)}")
    assert np.mean(flagged) < 0.05
    assert np.mean(errors) < 0.07


@pytest.mark.parametrize(
    ("cohort", "name"), [("NSCLC", "BRCA"), ("NSCLC", "SKCM"), ("ACC", "BRCA"), ("UVM", "SKCM"), ("UVM", "BRCA")]
)
def test_tumours_of_another_tissue_are_flagged(data_dir, cohort, name):
    lung = cohort == "NSCLC"
    file = "deconvolution/oncoblade_tcga_nsclc10_counts.parquet" if lung else TCGA.format(cohort)
    linear = bulk(data_dir, file, "counts" if lung else "rsem", 10)
    found, _ = checked(linear, read_reference(profiles(data_dir, name)))
    print(f"\n{cohort} with {name}: {found.correlation.median():.2f}, limit {found.limit:.2f}")
    assert (found.flags == MISFIT).all()


def test_blood_is_explained_by_the_immune_cells_of_a_tumour(data_dir):
    """The one bulk at hand whose cells a reference holds: at the limit, where other tissues are 0.06 below it."""
    path = data_dir / "deconvolution/hoek_pbmc8_tpm.tsv.gz"
    linear = pd.read_csv(path, sep="\t", index_col=0).T
    linear = linear.loc[:, ~linear.columns.duplicated()]
    for name in ("SKCM", "BRCA"):
        found, _ = checked(linear, read_reference(profiles(data_dir, name)), "tpm")
        print(f"\nblood with {name}: {found.correlation.median():.3f}, limit {found.limit:.3f}")
        assert found.correlation.median() > found.limit - 0.02


def test_two_references_explain_what_either_explains(data_dir):
    linear = bulk(data_dir, TCGA.format("UVM"), "rsem", 6)
    paths = [profiles(data_dir, name) for name in ("SKCM", "BRCA")]
    both = read_references(paths, linear.columns)
    fit = fit_states(linear, both, set(), platform_rounds=0)
    tumour = fit.fractions.loc[:, both.is_tumour].T.groupby(lambda state: state.split(":")[0]).sum().T
    print(f"\n{tumour.round(2).to_string()}")
    assert (tumour["refPhi_SKCM"] > 3 * tumour["refPhi_BRCA"]).all()
