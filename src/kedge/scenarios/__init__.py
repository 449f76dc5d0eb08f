"""The failure-scenario engine: pure logic over monotone rules. docs/scenarios.md has the semantics."""

from kedge.scenarios.cuts import CutFinder, CutSets, cut_sets
from kedge.scenarios.explain import Failure, Step, circles, derivation, why_not
from kedge.scenarios.losses import single_losses
from kedge.scenarios.notation import read_rules, write_rules
from kedge.scenarios.order import Finish, Plan, recovery
from kedge.scenarios.ruleset import Changed, Rules, RuleSet
from kedge.scenarios.truth import Solver, Truth, solve

__all__ = [
    "Changed",
    "CutFinder",
    "CutSets",
    "Failure",
    "Finish",
    "Plan",
    "RuleSet",
    "Rules",
    "Solver",
    "Step",
    "Truth",
    "circles",
    "cut_sets",
    "derivation",
    "read_rules",
    "recovery",
    "single_losses",
    "solve",
    "why_not",
    "write_rules",
]
