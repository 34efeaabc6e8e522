"""Tags and filters of the pages: the hallmark, digests with copy, times, sizes, amounts, and text made safe.

Nothing here decides anything; a value comes in and its written form goes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.template.loader import select_template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from assay.durations import in_words
from assay.keys import PublicKey
from marketplace.billing import accounts, statement
from marketplace.billing.models import Price
from marketplace.billing.money import number
from marketplace.billing.statement import Purse
from marketplace.catalogue.offers import ModeOffer
from marketplace.groups.statistics import MemberCounts
from marketplace.web.markdown import rendered

register = template.Library()

SHORT = 8  # hexadecimal digits kept at either end of a shortened digest
PREFIXES = ("ed25519:", "sha256:")
METRICS = {"r2": "R²"}
MINUS = "\N{MINUS SIGN}"


@register.simple_tag(takes_context=True)
def current(context: Mapping[str, Any], *names: str) -> SafeString:
    """Marks the link to where the reader is; `names` are of the pages that belong to it."""
    match = context["request"].resolver_match
    here = match is not None and match.namespace == "web" and match.url_name in names
    return format_html('aria-current="{}"', "page") if here else SafeString()


@register.simple_tag(takes_context=True)
def and_back(context: Mapping[str, Any]) -> str:
    """The query that brings a visitor who signs in or up back to where they were, or were going."""
    request = context["request"]
    match = request.resolver_match
    if match is None or match.url_name in ("login", "signup", "home"):
        going = context.get("next", "")
    else:
        going = request.get_full_path()
    return "?" + urlencode({"next": going}) if going else ""


@register.inclusion_tag("parts/hallmark.html")
def hallmark(
    mode: str,
    target: str,
    outcome: str = "",
    href: str = "",
    *,
    size: str = "",
    link: str = "Open the certificate",
) -> dict[str, Any]:
    """The stamp: `mode`, the `target` that was asked (`owner/name@version`), and the outcome, empty before one."""
    named = target.partition(":")[2] or target
    classes = ["hallmark", outcome or "blank", size, "struck" if outcome == "certified" else ""]
    return {
        "classes": " ".join(name for name in classes if name),
        "mode_glyph": _glyph("modes", mode),
        "outcome_glyph": _glyph("outcomes", outcome),
        "initials": named[:2].upper(),
        "words": f"{mode} · {outcome}" if outcome else mode,
        "target": named,
        "href": href,
        "link": link,
    }


def _glyph(folder: str, name: str) -> Any:
    return select_template([f"hallmark/{folder}/{name}.svg", f"hallmark/{folder}/any.svg"])


@register.inclusion_tag("parts/digest.html")
def digest(value: str | bytes | memoryview, what: str = "digest") -> dict[str, str]:
    """A digest or key, shortened, with the whole of it to copy."""
    whole = value if isinstance(value, str) else bytes(value).hex()
    prefix = next((each for each in PREFIXES if whole.startswith(each)), "")
    digits = whole.removeprefix(prefix)
    short = whole if len(digits) <= 2 * SHORT + 1 else f"{prefix}{digits[:SHORT]}…{digits[-SHORT:]}"
    return {"whole": whole, "short": short, "what": what}


@register.inclusion_tag("parts/copy.html")
def copy(text: str, what: str) -> dict[str, str]:
    return {"text": text, "what": what}


@register.inclusion_tag("parts/listing.html")
def listing(text: str, what: str, *, wrapped: bool = False) -> dict[str, Any]:
    """A command or program to copy."""
    return {"text": text, "what": what, "wrapped": wrapped}


@register.simple_tag
def when(time: datetime | None, never: str = "never") -> str:
    """A time; scripts turn it into the reader's own."""
    if time is None:
        return never
    utc = time.astimezone(UTC)
    return format_html('<time datetime="{}">{} UTC</time>', utc.isoformat(), f"{utc:%Y-%m-%d %H:%M}")


@register.filter
def duration(seconds: float | timedelta | None) -> str:
    """`21 ms`, `1.3 s`, `2 min`; nothing for what has not been measured."""
    if not seconds:
        return ""
    return in_words(seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds))


@register.filter
def money(amount: int | None, currency: str = "") -> str:
    """`$0.0015`, `EUR 0.0015`: micro-units as people read them; nothing for what there is not.

    `currency`: the marketplace's own if it is not given.
    """
    if amount is None:
        return ""
    whole, _, part = number(abs(amount)).partition(".")
    return f"{MINUS if amount < 0 else ''}{sign(currency)}{int(whole):,}.{part}"


@register.simple_tag
def sign(currency: str = "") -> str:
    """What stands before an amount: `$`, or the currency's name."""
    named = currency or accounts.currency()
    return "$" if named == "USD" else f"{named} "


@register.simple_tag(takes_context=True)
def purse(context: Mapping[str, Any]) -> Purse:
    """Of who is signed in."""
    return statement.purse(context["request"].user.pk)


@register.simple_tag
def free_credit() -> int:
    """What a new account has to begin with, in micro-units."""
    return settings.ENV.free_credit


@register.simple_tag
def fee() -> str:
    """What the marketplace keeps of what is charged: `10 %`, `2.5 %`."""
    return f"{settings.ENV.fee / 100:g} %"


@register.filter
def decimal(amount: int) -> str:
    """As a form takes it: `0.0015`."""
    return number(amount)


@register.filter
def signed(amount: int) -> str:
    """`+$1.00`, for what came and what went."""
    return f"+{money(amount)}" if amount > 0 else money(amount)


@register.filter
def price(mode: ModeOffer) -> str:
    """`$0.0005 per row`, of all sellers together."""
    return f"{money(mode.micros)} per {Price.Unit(mode.unit).label}" if mode.micros else "free"


@register.filter
def of_mode(found: Mapping[str, Any], mode: ModeOffer) -> Any:
    return found.get(mode.name)


@register.filter
def metric_name(name: str) -> str:
    """`mean-absolute-error` as people write it."""
    return METRICS.get(name) or name.replace("-", " ").capitalize()


@register.filter
def measure(metric: Mapping[str, Any]) -> str:
    """A measured figure in its usual form: shares in percent, the rest with three digits that count."""
    value = float(metric["value"])
    return f"{value:.1%}".replace("%", " %") if "accuracy" in metric["name"] else f"{value:.3g}"


@register.filter
def dissent(member: MemberCounts) -> str:
    """`2.5 %` of the rows on which it voted."""
    return "" if member.rate is None else f"{100 * member.rate:.1f} %"


@register.filter
def markdown(text: str) -> SafeString:
    return rendered(text)


@register.filter
def code(text: str) -> SafeString:
    """Prose in which `such` words are code."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if i % 2 else part,) for i, part in parts)
    )


@register.filter
def hexadecimal(value: bytes | memoryview | None) -> str:
    return bytes(value).hex() if value is not None else ""


@register.simple_tag
def public_key(raw: bytes | memoryview) -> str:
    """A key as people write it."""
    return str(PublicKey(bytes(raw)))
