"""What was measured, in one gene language? Reads matrices, checks their scale, harmonises genes, filters cells."""
