"""Modules that scikit-learn had until 2018, made of those of today."""
