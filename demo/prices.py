"""What the demo's owners ask: for a row of a model of theirs, and for their vote in a group.

Set through the public REST API, where nothing was ever asked: who has asked something else since is left to it.
"""

from __future__ import annotations

from demo.market import Market, say

ROW = {"micros": 500, "free_rows": 0}  # millionths of the currency
ROWS = {  # by model
    "breast-cancer": {"micros": 1_000, "free_rows": 10},
    "diabetes": {"micros": 1_000, "free_rows": 10},
}
VOTE = {"micros": 250, "free_rows": 0}


def of_model(market: Market, owner: str, slug: str) -> None:
    """The owner asks for rows of the model, in every mode that it offers."""
    path = f"/models/{owner}/{slug}"
    for mode in market.get(path)["modes"]:
        at = f"{path}/prices/{mode['name']}"
        if market.get(at)["since"] is None:
            asked = market.put(at, ROWS.get(slug, ROW))
            say(owner, slug, f"asks {asked['price']['amount']['micros']} micro-units for a row, {mode['name']}")


def of_vote(market: Market, owner: str, group: str) -> None:
    """A member asks for its vote, in every mode that the group offers."""
    path = f"/groups/{group}"
    for mode in market.get(path)["modes"]:
        at = f"{path}/prices/{mode['name']}"
        mine = next(each for each in market.get(at)["members"] if each["organisation"] == owner)
        if mine["since"] is None:
            market.put(at, VOTE)
            say(owner, group, f"asks {VOTE['micros']} micro-units for its vote on a row, {mode['name']}")
