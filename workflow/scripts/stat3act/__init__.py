"""The science of the STAT3 activity workflow: pure functions, one module or subpackage per stage."""
