"""Every rule, by id."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.rules.bk_none import BK_NONE
from kedge.rules.bk_untested import BK_UNTESTED
from kedge.rules.boot_unproven import BOOT_UNPROVEN
from kedge.rules.bus_1 import BUS_1
from kedge.rules.change_left import CHANGE_LEFT
from kedge.rules.claim import Rule
from kedge.rules.coverage_gap import COVERAGE_GAP
from kedge.rules.disk_limit import DISK_LIMIT
from kedge.rules.dns_drift import DNS_DRIFT
from kedge.rules.loops import ALERT_LOOP, CIRC_ACCESS, NOTICE_LOOP
from kedge.rules.mig_compat import MIG_COMPAT
from kedge.rules.spof import SPOF
from kedge.rules.unverified import UNVERIFIED

RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        NOTICE_LOOP,
        ALERT_LOOP,
        CIRC_ACCESS,
        SPOF,
        BUS_1,
        COVERAGE_GAP,
        DISK_LIMIT,
        MIG_COMPAT,
        BK_NONE,
        BK_UNTESTED,
        DNS_DRIFT,
        CHANGE_LEFT,
        BOOT_UNPROVEN,
        UNVERIFIED,
    )
}
