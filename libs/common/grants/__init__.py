"""Who may do what for a buyer: the roles that the notices service records, and what other services know of them."""

from libs.common.grants.refusals import RoleMissing, refuse_without
from libs.common.grants.roles import ALL, NEEDED, Permission, Role, Scope, allowed

__all__ = ["ALL", "NEEDED", "Permission", "Role", "RoleMissing", "Scope", "allowed", "refuse_without"]
