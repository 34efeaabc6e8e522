"""Everything an owner can do in the catalogue. Views pass objects through `catalogue.access` first.

models       create_model, edit_model, publish, unpublish
versions     begin_version, receive, abandon, begin_again; register_version
nodes        register_node, rotate_key, retire_node
deployments  deploy, undeploy
evaluations  evaluate
drafts       discard_version, discard_model
"""

from marketplace.catalogue.actions.deployments import deploy, undeploy
from marketplace.catalogue.actions.drafts import discard_model, discard_version
from marketplace.catalogue.actions.evaluations import evaluate
from marketplace.catalogue.actions.models import create_model, edit_model, publish, unpublish
from marketplace.catalogue.actions.nodes import register_node, retire_node, rotate_key
from marketplace.catalogue.actions.versions import abandon, begin_again, begin_version, receive, register_version

__all__ = [
    "abandon",
    "begin_again",
    "begin_version",
    "create_model",
    "deploy",
    "discard_model",
    "discard_version",
    "edit_model",
    "evaluate",
    "publish",
    "receive",
    "register_node",
    "register_version",
    "retire_node",
    "rotate_key",
    "undeploy",
    "unpublish",
]
