"""Everything that founder and members can do with a group. Views pass objects through `groups.access` first.

founding   found, edit, invite, revoke, withdraw
answering  accept, decline
signing    sign
swapping   swap, keep
proposing  propose, withdraw_proposal
"""

from marketplace.groups.actions.answering import accept, decline
from marketplace.groups.actions.founding import edit, found, invite, revoke, withdraw
from marketplace.groups.actions.proposing import propose, withdraw_proposal
from marketplace.groups.actions.signing import sign
from marketplace.groups.actions.swapping import keep, swap

__all__ = [
    "accept",
    "decline",
    "edit",
    "found",
    "invite",
    "keep",
    "propose",
    "revoke",
    "sign",
    "swap",
    "withdraw",
    "withdraw_proposal",
]
