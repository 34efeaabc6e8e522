"""What can go wrong, by code: the title and explanation that stand on the page /problems/<code>.

The one table for all of Assay's codes, in the order of what they are about; a test holds it against the sources.
"""
# ruff: noqa: E501 - a table reads best with a row a line

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProblemType:
    """`explanation` is for a person who has run into it: what it means and what can be done."""

    title: str
    explanation: str


# code | title | explanation
_REQUESTS = """
invalid | Not as expected | A value is not what it should be. The pointer names it; expected and got say how it differs.
invalid-json | Not JSON | The body is no JSON document: check commas, quotes and UTF-8; NaN and infinities are no JSON.
invalid-csv | Not CSV | A table needs a header that names each column once, and at least one line under it.
invalid-header | Malformed header | The header that the pointer names cannot be read.
malformed-request | Malformed request | The request as a whole cannot be understood: its Host, its address or a header.
invalid-text | Not text | The content is text that cannot be written as UTF-8.
too-slow | Too slow | The request's body came so slowly that its place was given to others. Send it again.
too-large | Too large | The thing that the pointer names exceeds a limit. Send less, or several requests.
unsupported-media-type | Unsupported media type | The Content-Type is none that this address takes.
not-acceptable | Not acceptable | There is no form of this thing that the Accept header allows.
wrong-method | Wrong method | The address exists but does not take this method; the schema says which it does.
not-found | Not found | There is no such thing, or none that you may know of: to a stranger both look the same.
conflict | Conflict | The thing is not in a state in which this can be done to it.
throttled | Too many requests | You asked too often. Retry-After says in how many seconds to go on.
idempotency-mismatch | Idempotency key used | The key belongs to another request body. Use a new key for a new request.
idempotency-in-flight | Request in flight | The first request with this idempotency key is still being carried out.
error | Error | Something went wrong that has no name of its own.
internal-error | Our mistake | Something went wrong on our side and has been noted. Quote the request id when you report it.
database-away | Database away | The marketplace cannot reach its database now. Nothing was done; ask again in a moment.
too-many-waiting | Too many waiting | This server holds as many waiting requests as it can. Ask again in a moment.
"""
_PEOPLE = """
unauthenticated | Who is asking? | This needs an API key (Authorization: Bearer assay_…) or a signed-in session.
invalid-key | Invalid API key | No such key. Keys are shown once, when they are made; make a new one if it is lost.
expired-key | Expired API key | The key's time is over. Make a new one.
revoked-key | Revoked API key | The key was revoked. Make a new one.
orphaned-key | Key without a maker | Whoever made the key is no longer a member of the organisation.
csrf-failed | CSRF check failed | A session may write only from the site's own pages. Load the page anew, or use an API key.
forbidden | Not allowed | You may see this, but not do that to it.
scope-missing | Scope missing | The API key lacks the scope that this needs.
capped-key | Capped key | A key that may spend only so much makes no other keys and sets no caps. Use another key, or sign in.
role-missing | Role missing | Your role in the organisation does not allow this. An admin of it can change that.
wrong-credentials | Wrong address or password | The two do not belong together. After several tries there is a pause.
email-taken | Address taken | There is an account with this e-mail address. Log in instead.
weak-password | Weak password | The password is too short, too common, or too much like your name or address.
too-many-keys | Too many API keys | The organisation has as many keys as it may. Revoke one that is not used.
"""
_INPUTS = """
unknown-mode | Unknown mode | There is no verification mode of this name; the error lists those that stand.
wrong-target | Wrong target | Modes are asked either of models or of groups; the error lists those for what you asked.
mode-not-offered | Mode not offered | The model's owner does not offer it in this mode; the error lists the modes on offer.
wrong-names | Wrong names | Inputs or columns are missing, unknown, or given twice. The model's interface names them.
wrong-datatype | Wrong datatype | A tensor or an element is of another type than the model's interface says.
wrong-shape | Wrong shape | A tensor's shape does not fit the model's interface. The first axis counts the rows.
not-finite | Not a finite number | NaN and infinities are not taken: no two machines agree on what they mean.
not-a-number | Not a number | A field must be a decimal number, such as -12.5 or 1e-3.
not-an-integer | Not a whole number | The model wants whole numbers in this field.
out-of-range | Number out of range | The number is smaller or larger than it may be here; expected says how far it may go.
unsupported-content | Unsupported content | This model does not take that kind of content; the error says what it takes.
unsupported-image | Unsupported picture | The picture must be a PNG with at most 8 bits per sample, still and not interlaced.
corrupt-image | Corrupt picture | The PNG is damaged; the pointer says where.
"""
_PREDICTIONS = """
deadline-exceeded | Deadline exceeded | No answer came before the deadline. Allow more time, or ask another model.
unavailable | Unavailable | No machine could serve this now. Ask again, or ask another model.
already-ended | Already ended | The prediction has ended and cannot be withdrawn any more.
worker-lost | Given up | Several workers ended while they carried this prediction out; it was given up.
cancelled | Withdrawn | The request was withdrawn before the node answered it.
unreachable | Node unreachable | A connection to the node cannot be made now.
connection-lost | Connection lost | The connection to the node broke before it answered.
closed | Connection closed | The connection to the node or its server was closed.
silent | Node silent | The node has not said anything for too long.
slow-reader | Slow reader | The other side has left more unread than is kept for it.
stalled | Connection stalled | The other side stopped reading or writing for too long.
draining | Node draining | The node is about to stop and takes nothing new.
not-held | Model not held | The node does not hold this model.
request-id-reused | Request id used | The node has answered another question under this request id.
request-id-expired | Request id too old | The request is older than what the node remembers.
invalid-request-id | Not a request id | A request id must be a UUID of version 7.
circuit-open | Server resting | The node's server failed several times and is left alone for a moment.
refused-by-triton | Refused by the server | The node's inference server refused the request.
wrong-output | Wrong outputs | The model's outputs are not what its interface or the certificate says.
load-failed | Model does not load | The node's inference server cannot load the model.
"""
_MONEY = """
insufficient-credit | Too little credit | There is less credit than this may cost; `missing` says by how much. Ask for fewer rows, or ask who runs the marketplace for credit: none is sold here yet.
cap-reached | Cap reached | This would spend more in the month than the organisation or the key may; `missing` says by how much. What is held counts until it has ended. Raise the cap on the page Billing (role billing or admin), or wait for the first of the month.
too-dear | Too dear | It would cost more than `most`, which the request is willing to pay. Its price has changed, or free rows are used up.
quote-expired | Quote expired | A quote's prices are promised for ten minutes. Ask for another, or ask without one.
quote-of-another | Another quote | The quote is for another target or mode than what is asked.
key-of-another | Key used | A transaction with this key is in the ledger already, and is another one. Use a new key.
overdrawn | Not so much there | The account does not hold so much, and may not go below zero.
too-little-earned | Too little earned | You have not earned so much that is available; later earnings become available day by day.
stake-missing | Stake missing | The group asks each member for a stake, and too little of yours is deposited and not locked; `missing` says by how much. Deposit it first, on the page Stakes.
too-little-to-stake | Too little to move | There is not so much that can be deposited (credit, or earnings that are available) or taken back: what places in groups lock stays.
too-late-to-reverse | Too late to reverse | What was paid is available to its earners already, so it cannot be taken back.
"""
_CERTIFICATES = """
not-verified | Not verified | The check was carried out and the claim does not hold.
not-canonical | Not canonical | The bytes are not the one canonical form: something was changed, added or left out.
bad-signature | Signature does not verify | The signature is not the named key's over this statement.
bad-path | Wrong Merkle path | The audit path does not lead from the statement to the signed root.
wrong-statement | Wrong statement | A field does not say what certificates of this mode say.
wrong-time | Implausible time | The certificate's time lies before any certificate was made, or in the future.
wrong-input | Another input | The certificate is about another input, or the salt is not that of this prediction.
wrong-rows | Other rows | The certificate does not have one answer for each row of the input.
wrong-request | Another request | The certificate answers another request than the one that was made.
not-pinned | Not by whom you named | The certificate is valid, but not by a provider, group or model that you named.
unpinned | By nobody you named | The certificate is valid, but you named nobody whose word you trust.
"""
_PROGRAMS = """
not-onnx | Not ONNX | The file cannot be read as ONNX, or is damaged. Export the model again.
not-reproducible | Not reproducible | The model cannot be carried out to the same bits everywhere; each thing that stands in the way is named.
unsupported-model | Unsupported part of a model | The file holds something that a reproducible program has no place for, such as tensors in other files, or text.
unsupported-operator | Unsupported operator | The operator, in this version, is not among those whose every rounding is written down.
not-reproducible-here | Another machine's bits | This machine's results are not the specification's, so it serves no reproducible model. The detail says what is wrong with it.
no-kernels | No compiled kernels | The kernels were not built here, or lack this instruction set; models run all the same, slowly.
unsupported-node | Unsupported use of an operator | The operator is reproducible, but not with these types, shapes or attributes.
"""
_GROUPS = """
wrong-size | Wrong number of members | A group has 3f + 1 members, so that it stands when f of them lie or fail.
same-member | Same member twice | Members are different owners, each with a key of its own: else one of them has two votes.
unknown-aggregator | Unknown aggregator | There is no way of this name to make one answer of many; the error lists those there are.
unsafe-aggregator | Unsafe aggregator | One liar could move the group's answer at will. Use the median or the trimmed mean.
wrong-aggregator | Wrong aggregator | Labels are counted by plurality; values have a median or a trimmed mean.
wrong-vote | Wrong vote | A member's vote is for something that the group cannot answer, or not one for each row.
wrong-outcome | Wrong outcome | The outcome is not what the members' votes come to.
wrong-quorum | No quorum | Too few different members have signed for this to be the group's word.
unknown-epoch | Unknown epoch | The evidence is from an epoch of the group that has not begun here. If it has elsewhere, hand it in again later.
wrong-epoch | Wrong epoch | The configuration is not the one that should stand here in the group's history.
in-group | In a group | A group answers with this model or node. Change to another model there first, or leave the group.
group-settled | Group is settled | The group's members have been chosen, or its genesis stands. From then on members come and go with its next epoch.
group-full | Group is full | Every place of the group is taken. Take an invitation back to offer it to another.
group-not-serving | Group does not serve | The group cannot be asked or changed now: it is being formed, or was withdrawn.
not-founder | Not the founder | Only the organisation that founded the group, or keeps its page since, may do that.
founder-stays | Founder stays | A founder does not leave the group; it can be withdrawn as a whole.
nothing-to-sign | Nothing to sign | No configuration waits for your signature: it is fixed once all have chosen, and signed once.
same-model | Same model | The member answers with this model already.
swap-under-way | Change under way | The member is changing to another model; wait until the group has ordered that, or withdraw it.
epoch-under-way | Next epoch proposed | There is one proposal of a next epoch at a time, and meanwhile no member changes its model.
no-proposal | No such proposal | The proposal of a next epoch has ended: it is in force, or was given up.
not-proposer | Proposed by others | Only who proposed the next epoch, or the group's founder, may withdraw the proposal.
nothing-changes | Nothing changes | The next epoch would be as the present one: nobody comes or goes, no key, address or time is another.
too-many-leave | Too many leave | At most f members leave with an epoch: those who stay must be a quorum. Go by several epochs.
too-many-epochs | Too many epochs | A group has no more epochs than a certificate can name. Found another group.
unknown-member | Unknown member | An epoch has a member whose owner, node or model is not known here, so the group cannot be followed.
no-swap | No change under way | No change of the member's model is waiting: it has happened, or ended, already.
too-many-groups | Too many groups | The organisation has founded as many groups as it may.
group-failed | The group failed | Too few members answered by the deadline, and the group has certified that. Ask again.
no-group | Not in that group | The node takes part in no such group.
not-a-member | Not a member | The node's key is none of the group's members'.
not-allowed | Not allowed | A member of a group may attach to it and ask its node nothing else.
not-ordered | Not ordered yet | The group has not ordered the change yet; it may still do so.
owner-must-adopt | Owner must allow it | The node's owner must allow the change of model on the node's machine: assay-node adopt.
log-lost | Log lost | What the node's key has signed in groups may be lost, so it must take part in none until it has a new key.
no-vote | No vote | What the member's model gave is no answer that the group counts.
proves-nothing | Proves nothing | What was signed is no contradiction, so nobody has broken its word by it.
too-many-strikes | Too many strikes | Enough is proven against these members; more of the same is not kept.
wrong-evidence | Inconsistent evidence | Two parts of a certificate's evidence do not belong together.
"""
_MODELS = """
version-not-ready | Version not ready | The version's file has not been received whole and checked yet, or was refused.
not-a-draft | Not a draft | Only what was never published, served or asked can be discarded. What somebody may rely on stays.
no-mode | No mode | No verification mode can be offered for this version.
not-serving | Not served | No node serves this version now. Deploy it first.
invalid-interface | Not an interface | The file that declares the model's interface cannot be read as one.
not-uploading | Not uploading | The version does not wait for a file.
upload-busy | Upload busy | Another request is sending the same file. Wait for it, then ask how far it came.
upload-complete | Upload complete | The file has been received whole.
wrong-offset | Wrong offset | The file goes on at another place; the error says where.
digest-mismatch | Digest mismatch | The bytes received are not those that were announced.
wrong-digest | Wrong digest | The file is not the one that its digest names.
file-gone | File gone | The file is no longer here: it was delivered or has expired. Upload it again.
not-accepted | Not accepted | The file was refused by the check; its findings say why.
wrong-report | Wrong report | The report of the check does not fit the version.
wrong-interface | Wrong interface | What was declared does not agree with the model's graph.
wrong-model | Wrong model | A later configuration of a group names another model than its member answers with now.
name-taken | Name taken | The name is in use. Choose another.
too-many-models | Too many models | As many models as there may be are here already.
too-many-uploads | Too many uploads | As many uploads as may be open at once are open already.
too-many-evaluations | Too many evaluations | As many evaluations as may run at once are running already.
not-measurable | Cannot be measured | The labelled set does not fit the model, or nothing can be measured on it.
not-measured | Not measured | A prediction that the measurement needs did not end with an answer.
rows-not-compared | Rows not compared | The model could not be run on one row alone to compare.
spool-full | Spool full | Too much is being uploaded at once. Try again later.
no-space | Disk full | There is no room left where the file should go.
"""
_NODES = """
invalid-address | Not an address | An address is host:port, such as node.example.org:7443.
private-address | Private address | Nodes at private or loopback addresses are not taken here.
key-taken | Key taken | A node with this key is registered already.
wrong-proof | Wrong proof | The proof is not the node key's own for this organisation. Make it with `assay-node join`.
node-retired | Node retired | The node has been retired.
last-provider | Last provider | Without this node nobody would serve a published model. Withdraw the model first.
too-many-nodes | Too many nodes | The organisation has as many nodes as it may.
no-identity | No identity | This process has no key of the marketplace's, so it cannot talk to nodes.
unknown-key | Unknown key | The node does not know the key that the other side holds.
wrong-peer | Another node | Whoever answers at the address holds another key than the one registered.
wrong-version | Another version | The other side speaks another version of the protocol or keeps another format.
invalid-message | Not a message | What came over the connection is no message of the protocol.
empty-frame | Empty frame | A frame of no bytes came over the connection.
frame-too-large | Frame too large | A message exceeds what was agreed when the connection opened.
flood | Too much at once | The other side sent more than was agreed when the connection opened.
too-many-connections | Too many connections | The node has as many connections as it takes.
internal | The node's mistake | Something went wrong on the node and was noted in its log.
journal-failed | Journal failed | The node could not write its answer down, so it gave none.
not-announced | Not announced | A piece of a file came that had not been announced.
out-of-place | Out of place | A piece of a file does not follow the one before.
not-owner | Not the owner | Only the node's own key may ask this of it.
disk-failed | The node's disk failed | The node could not read or write its disk.
disk-full | The node's disk is full | The node has no room for the file.
in-use | In use | Another process uses the node's folder.
exists | Already there | The node's folder has been set up already.
not-running | Not running | The node is not running, so there is nobody to ask.
refused | Refused | The marketplace refused it without saying more.
no-key | No key | The node's folder holds no key. Run `assay-node init`.
invalid-config | Invalid configuration | The node's configuration has an unknown key or a value that does not fit.
not-a-demo | Not a demo | Demo users are made only where ASSAY_DEMO is 1, never on a public site.
unknown-setting | Unknown setting | An environment variable is none of Assay's; perhaps it is misspelt.
"""


def _read(*blocks: str) -> dict[str, ProblemType]:
    rows = (line.split(" | ") for block in blocks for line in block.strip().splitlines())
    return {code: ProblemType(title, explanation) for code, title, explanation in rows}


PROBLEMS = _read(
    _REQUESTS, _PEOPLE, _INPUTS, _PREDICTIONS, _MONEY, _CERTIFICATES, _PROGRAMS, _GROUPS, _MODELS, _NODES
)
