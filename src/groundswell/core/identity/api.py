"""What other parts of the core and the features use of identity."""

from groundswell.core.identity.customers import customer_scope
from groundswell.core.identity.keys import is_well_formed
from groundswell.core.identity.sessions import (
    MemberTenant,
    SessionInfo,
    end_session,
    session_of,
    start_session,
    switch_tenant,
    tenants_of,
)

__all__ = [
    "MemberTenant",
    "SessionInfo",
    "customer_scope",
    "end_session",
    "is_well_formed",
    "session_of",
    "start_session",
    "switch_tenant",
    "tenants_of",
]
