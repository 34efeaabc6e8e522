"""The next epoch of a group as its pages show it: what it changes, who has signed, and who is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.durations import in_words
from assay.keys import PublicKey
from marketplace.groups import succession
from marketplace.groups.models import Group, Member, Proposal
from marketplace.groups.succession import Party, Progress

State = Proposal.State
TONES = {"comes": "good", "goes": "warn", "stays": ""}
WORDS = {"comes": "Comes", "goes": "Goes", "stays": "Stays"}


@dataclass(frozen=True)
class Row:
    """An owner whom it concerns. `facts` are a word and a value each, `says` are a tone and a word each."""

    owner: str
    model: str
    change: str
    tone: str
    facts: tuple[tuple[str, str], ...]
    says: tuple[tuple[str, str], ...]


def under_way(group: Group) -> dict[str, Any]:
    """What the templates need of the proposal that is open, empty where there is none."""
    proposal = group.proposals.filter(state__in=Proposal.OPEN).select_related("organisation", "group").first()
    return shown(proposal) if proposal else {}


def shown(proposal: Proposal) -> dict[str, Any]:
    """An open proposal."""
    before = succession.present(proposal.group)
    progress = succession.progress(proposal, before)
    seats = proposal.group.members.select_related("organisation", "version__model__organisation")
    models = {each.organisation.slug: str(each.version) for each in seats.filter(version__isnull=False)}
    return {
        "proposal": proposal,
        "progress": progress,
        "rows": [_row(each, models.get(each.owner, ""), proposal, progress) for each in progress.parties],
        "rules": _rules(proposal, progress),
    }


def stale(group: Group) -> list[str]:
    """Owners whose nodes have another key than in the epoch in force: they are silent until the next one."""
    now = {member.owner: member.key for member in succession.present(group).members}
    seats = group.members.filter(state=Member.State.ACCEPTED).select_related("organisation", "node")
    changed = [each for each in seats if each.node and now.get(each.organisation.slug) != bytes(each.node.key)]
    return [each.organisation.slug for each in changed]


def _row(party: Party, model: str, proposal: Proposal, progress: Progress) -> Row:
    return Row(
        party.owner,
        model,
        WORDS[party.change],
        TONES[party.change],
        _facts(party),
        _says(party, proposal, progress),
    )


def _facts(party: Party) -> tuple[tuple[str, str], ...]:
    before, after = party.before, party.after
    if after is None:
        return ()
    facts = []
    if before is None or party.rekeyed:
        facts.append(("Key" if before is None else "New key", str(PublicKey(after.key))))
    if before is None or party.moved:
        facts.append(("At" if before is None else "Moves to", after.address))
    return tuple(facts)


def _says(party: Party, proposal: Proposal, progress: Progress) -> tuple[tuple[str, str], ...]:
    if proposal.state == State.INVITING:
        if party.change != "comes":
            return ()
        return (("good", "Has chosen") if party.after else ("busy", "Chooses a model"),)
    enough = progress.words >= progress.quorum
    word = ("good", "Word given") if party.has_said else ("", "Not needed") if enough else ("busy", "Word awaited")
    if party.change == "goes":
        return (word,)
    consent = ("good", "Signed") if party.has_consented else ("busy", "Awaited")
    if not party.rekeyed:
        return (consent,)
    return ((consent[0], f"{consent[1]}, new key"), (word[0], f"{word[1]}, old key"))


def _rules(proposal: Proposal, progress: Progress) -> list[tuple[str, str]]:
    before, rules = progress.before, []
    if progress.n != before.n:
        now = f"now {before.n} and {before.f}"
        rules.append(("Members", f"{progress.n}, of which any {progress.f} may fail or lie; {now}"))
    for word, name in (("Waits for the slower members", "grace"), ("Deadlines up to", "horizon")):
        old, new = getattr(before, name), getattr(proposal, name)
        if old != new:
            rules.append((word, f"{in_words(new / 1000)}; now {in_words(old / 1000)}"))
    return rules
