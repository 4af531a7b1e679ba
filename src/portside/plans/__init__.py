"""Decisions over time, without a clock: see ``portside.plans.steps``."""
