"""The failure-scenario engine: pure logic over monotone rules. docs/scenarios.md has the semantics."""

from kedge.scenarios.cuts import CutFinder, CutSets, cut_sets
from kedge.scenarios.effects import Effect, effect
from kedge.scenarios.explain import Failure, Step, circles, derivation, why_not
from kedge.scenarios.losses import SingleLosses, single_losses
from kedge.scenarios.mef import FaultTree, read_mef
from kedge.scenarios.notation import read_rules, write_rules
from kedge.scenarios.order import NOW, Finish, Plan, recovery
from kedge.scenarios.rates import Contribution, Downtime, Rate, contributions, downtime
from kedge.scenarios.ruleset import Changed, Rules, RuleSet
from kedge.scenarios.schedule import Schedule, Slot, schedule
from kedge.scenarios.truth import Solver, Truth, solve
from kedge.scenarios.unrolling import Unrolled, unrolled, write_mef

__all__ = [
    "NOW",
    "Changed",
    "Contribution",
    "CutFinder",
    "CutSets",
    "Downtime",
    "Effect",
    "Failure",
    "FaultTree",
    "Finish",
    "Plan",
    "Rate",
    "RuleSet",
    "Rules",
    "Schedule",
    "SingleLosses",
    "Slot",
    "Solver",
    "Step",
    "Truth",
    "Unrolled",
    "circles",
    "contributions",
    "cut_sets",
    "derivation",
    "downtime",
    "effect",
    "read_mef",
    "read_rules",
    "recovery",
    "schedule",
    "single_losses",
    "solve",
    "unrolled",
    "why_not",
    "write_mef",
    "write_rules",
]
