"""Breaks of workload identity chains. Ids are stable: tests on the lab play the same ones."""

from support.workload_breaks.permissions import PERMISSIONS
from support.workload_breaks.trust import TRUST
from support.workload_breaks.wiring import WIRING
from support.workload_breaks.workload_break import Break

BREAKS: tuple[Break, ...] = (*WIRING, *TRUST, *PERMISSIONS)
