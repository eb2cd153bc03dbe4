"""Benchmarks: contestants side by side in one run, medians and ratios. See README.md for the method."""
