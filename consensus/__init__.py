"""Agreement among the members of a group: the replica (no sockets, no clock), storage, links, simulator.

Read in this order: `messages` (what members say), `durable` (what they must not forget), `events` (what a replica
is told and what it asks for), `judging` (when a proposal is right: the protocol's rules in one pure function),
`replica` (what a member does), then `host` (the same replica on a real machine). docs/agreement-protocol.md argues
why it is safe.
"""
