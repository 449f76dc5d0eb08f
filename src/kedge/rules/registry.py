"""Every rule, by id. The order is that of the catalogue: circles first, in the order in which their classes match."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.rules.access import OWNERSHIP, STALE_ACCESS
from kedge.rules.bk_doubtful import BK_DOUBTFUL
from kedge.rules.bk_none import BK_NONE
from kedge.rules.bk_untested import BK_UNTESTED
from kedge.rules.boot_unproven import BOOT_UNPROVEN
from kedge.rules.bus_1 import BUS_1
from kedge.rules.change_left import CHANGE_LEFT
from kedge.rules.circ_status import CIRC_STATUS
from kedge.rules.claim import Rule
from kedge.rules.cold_start import COLD_START
from kedge.rules.console_unproven import CONSOLE_UNPROVEN
from kedge.rules.coverage_gap import COVERAGE_GAP
from kedge.rules.disk_limit import DISK_LIMIT
from kedge.rules.dns_drift import DNS_DRIFT
from kedge.rules.expiry import CERT_EXPIRY, DOMAIN_EXPIRY, EOL, PAYMENT
from kedge.rules.loops import ALERT_LOOP, NOTICE_LOOP
from kedge.rules.mig_compat import MIG_COMPAT
from kedge.rules.shared import PROVIDER_ACTION, SHARED_FATE
from kedge.rules.spof import SPOF
from kedge.rules.staleness import BK_STALE, RTO_GAP
from kedge.rules.store_faults import BK_COLOCATED, BK_DELETABLE, BK_MIRROR
from kedge.rules.unverified import UNVERIFIED
from kedge.rules.way_in import CIRC_ACCESS, CIRC_DNS, CIRC_SECRET, CIRC_TOOLING

_CIRCLES = (NOTICE_LOOP, ALERT_LOOP, CIRC_STATUS, CIRC_SECRET, CIRC_DNS, CIRC_ACCESS, CIRC_TOOLING, COLD_START)
_PEOPLE = (BUS_1, COVERAGE_GAP, STALE_ACCESS, OWNERSHIP, PAYMENT)
_BACKUPS = (BK_NONE, BK_COLOCATED, BK_MIRROR, BK_DELETABLE, BK_UNTESTED, BK_STALE, BK_DOUBTFUL, RTO_GAP)
_SINGLE_POINTS = (SPOF, SHARED_FATE, PROVIDER_ACTION)
_CARE = (DISK_LIMIT, DOMAIN_EXPIRY, CERT_EXPIRY, DNS_DRIFT, MIG_COMPAT, CHANGE_LEFT, BOOT_UNPROVEN, CONSOLE_UNPROVEN)

RULES: Mapping[str, Rule] = {
    rule.id: rule for rule in (*_CIRCLES, *_PEOPLE, *_BACKUPS, *_SINGLE_POINTS, *_CARE, EOL, UNVERIFIED)
}
