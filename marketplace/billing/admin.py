"""The finance pages of the staff: what is on the accounts, every transaction, closed periods, adjustments.

Nothing of the ledger is changed here. What moves money (granting credit, an adjustment) and what closes a period
is shown first and done once confirmed; an adjustment by two people. Who may do it: `billing.finance`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Model, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from assay.errors import AssayError
from marketplace.accounts.admin import ReadOnlyAdmin
from marketplace.accounts.models import User
from marketplace.billing import adjusting, books, money
from marketplace.billing.finance import Close, Day, Days, Grant, Propose, Task
from marketplace.billing.models import (
    Account,
    Adjustment,
    Cap,
    Entry,
    Hold,
    Period,
    Price,
    Spending,
    Transaction,
)

if TYPE_CHECKING:  # Django's own classes cannot be subscripted
    Inline = admin.TabularInline[Any, Any]
else:
    Inline = admin.TabularInline


TAIL = 8  # of a prediction's id are shown: that much of it is random


class Tool(NamedTuple):
    """A link above a list, for those who may follow it."""

    name: str  # of the address
    label: str
    permission: str


class FinanceAdmin(ReadOnlyAdmin):
    """A list to look at, with `tools` above it and `tasks` under addresses of its own."""

    tools: ClassVar[tuple[Tool, ...]] = ()
    tasks: ClassVar[dict[str, type[Task]]] = {}
    show_full_result_count = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        tools = [
            (reverse(f"admin:{tool.name}"), tool.label)
            for tool in self.tools
            if request.user.has_perm(tool.permission)
        ]
        answer: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "tools": tools})
        return answer

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(f"{name}/", self._seen(partial(self.task, form_class=task)), name=f"billing_{name}")
            for name, task in self.tasks.items()
        ]
        return [*own, *super().get_urls()]

    def _seen(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        return self.admin_site.admin_view(view)

    def task(self, request: HttpRequest, form_class: type[Task]) -> HttpResponse:
        """A form; what it would do; and, once confirmed, that it is done."""
        if not request.user.has_perm(form_class.permission):
            raise PermissionDenied
        form = form_class(request.POST or None)
        shown: list[str] = []
        if request.method == "POST" and form.is_valid() and "back" not in request.POST:
            assert isinstance(request.user, User)
            try:
                if "confirmed" in request.POST:
                    self.message_user(request, form.done(request.user))
                    return HttpResponseRedirect(reverse(f"admin:billing_{self.opts.model_name}_changelist"))
                shown = form.shown()
            except AssayError as error:
                form.add_error(_field(form, error), _sentence(error))
        return self._page(request, "task", title=form_class.title, form=form, shown=shown)

    def _page(self, request: HttpRequest, name: str, **context: Any) -> HttpResponse:
        context |= {**self.admin_site.each_context(request), "opts": self.opts}
        return render(request, f"admin/billing/{name}.html", context)


def _field(form: Task, error: AssayError) -> str | None:
    name = error.pointer.lstrip("/")
    return name if name in form.fields else None


def _sentence(error: AssayError) -> str:
    words = error.detail[:1].upper() + error.detail[1:]
    return f"{words}; expected {error.expected}." if error.expected else f"{words}."


def _amount(of: str, label: str = "Amount") -> Callable[[Any], str]:
    """A column that shows an amount."""

    @admin.display(description=label, ordering=of)
    def shown(row: Any) -> str:
        amount = getattr(row, of)
        return "" if amount is None else money.number(amount)

    return shown


# --- accounts ---------------------------------------------------------------------------------------------------


@admin.register(Account)
class AccountAdmin(FinanceAdmin):
    list_display = ("id", "organisation", "kind", "currency", "amount")
    list_filter = ("kind", "currency")
    search_fields = ("organisation__slug",)
    list_select_related = ("organisation", "balance")
    tools = (
        Tool("billing_books", "Trial balance and journal", "billing.view_account"),
        Tool("billing_grant", Grant.title, Grant.permission),
    )
    tasks: ClassVar[dict[str, type[Task]]] = {"grant": Grant}

    @admin.display(description="Balance", ordering="balance__amount")
    def amount(self, account: Account) -> str:
        return money.number(account.balance.amount)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("books/", self._seen(self.books), name="billing_books"),
            path("journal.csv", self._seen(self.journal), name="billing_journal"),
        ]
        return [*own, *super().get_urls()]

    def books(self, request: HttpRequest) -> HttpResponse:
        """The trial balance, now or at the end of a day; and which days' journal to take away."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        day = Day(request.GET or None)
        at = day.cleaned_data["at"] if day.is_valid() else None
        order = list(Account.Kind)
        totals = sorted(
            books.trial_balance(at), key=lambda each: (each.currency, order.index(Account.Kind(each.kind)))
        )
        context = {
            "title": "Trial balance",
            "day": day,
            "days": Days(initial={"first": books.begins(books.closed()) if books.closed() else None}),
            "totals": [(Account.Kind(each.kind).label, each, money.number(each.amount)) for each in totals],
            "sums": [
                (each, money.number(sum(total.amount for total in totals if total.currency == each)))
                for each in sorted({total.currency for total in totals})
            ],
            "at": at,
        }
        return self._page(request, "books", **context)

    def journal(self, request: HttpRequest) -> HttpResponseBase:
        """The journal as CSV, sent as it is read: it may be of any length."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        days = Days(request.GET)
        if not days.is_valid():
            return HttpResponse("from which day to which? as 2026-05-31\n", status=400, content_type="text/plain")
        first, last = days.cleaned_data["first"] or books.FIRST_DAY, days.cleaned_data["last"] or dt.date.max
        return StreamingHttpResponse(
            books.journal(first, last),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="journal.csv"'},
        )


# --- transactions and holds -------------------------------------------------------------------------------------


class Entries(Inline):
    model = Entry
    fields = readonly_fields = ("account", "moved")
    can_delete = False
    extra = 0

    moved = staticmethod(_amount("amount"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).select_related("account__organisation").order_by("pk")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("billing.view_transaction")


@admin.register(Transaction)
class TransactionAdmin(FinanceAdmin):
    list_display = ("posted", "day", "kind", "key", "detail", "moved", "made_by")
    list_filter = ("kind",)
    search_fields = ("key", "detail")
    list_select_related = ("made_by",)
    exclude = ("fingerprint",)
    date_hierarchy = "day"
    ordering = ("-id",)
    inlines = (Entries,)
    tools = AccountAdmin.tools[:1]

    moved = staticmethod(_amount("moves"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transaction]:
        entries = Entry.objects.filter(transaction=OuterRef("pk"), amount__gt=0).values("transaction")
        moves = Subquery(entries.annotate(sum=Sum("amount")).values("sum"))
        found: QuerySet[Transaction] = super().get_queryset(request).annotate(moves=moves)
        return found


@admin.register(Hold)
class HoldAdmin(FinanceAdmin):
    list_display = ("id", "organisation", "held", "created", "ending", "posted", "of")
    list_filter = ("end__ending",)
    search_fields = ("organisation__slug",)
    list_select_related = ("organisation", "end", "member__group", "member__organisation")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hold]:
        """With the prediction's id alone: what was asked and answered may be large, and is the buyer's affair."""
        found: QuerySet[Hold] = super().get_queryset(request).annotate(asked=F("prediction__id"))
        return found

    held = staticmethod(_amount("amount", "Held"))

    @admin.display(description="End")
    def ending(self, hold: Hold) -> str:
        return hold.end.ending if hasattr(hold, "end") else ""

    @admin.display(description="Posted")
    def posted(self, hold: Hold) -> str:
        return money.number(hold.end.posted) if hasattr(hold, "end") else ""

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """A link to the prediction for who may follow it."""
        may = request.user.has_perm("predictions.view_prediction")
        return [*self.list_display[:-1], "linked" if may else "of"]

    @admin.display(description="For")
    def of(self, hold: Hold) -> str:
        asked: UUID | None = vars(hold)["asked"]
        if asked is None:
            return str(hold.member or "")
        return format_html('<span class="nowrap" title="{}">…{}</span>', asked, str(asked)[-TAIL:])

    @admin.display(description="For")
    def linked(self, hold: Hold) -> str:
        asked: UUID | None = vars(hold)["asked"]
        if asked is None:
            return self.of(hold)
        address = reverse("admin:predictions_prediction_change", args=[asked])
        return format_html('<a href="{}">{}</a>', address, self.of(hold))


@admin.register(Price)
class PriceAdmin(FinanceAdmin):
    list_display = ("id", "model", "member", "mode", "unit", "amount", "free_rows", "since", "until")
    list_filter = ("mode", "unit")
    search_fields = ("model__slug", "model__organisation__slug", "member__organisation__slug")
    list_select_related = ("model__organisation", "member__group", "member__organisation")

    amount = staticmethod(_amount("micros", "Price"))


@admin.register(Spending)
class SpendingAdmin(FinanceAdmin):
    list_display = ("organisation", "api_key", "month", "spent")
    search_fields = ("organisation__slug",)
    list_select_related = ("organisation", "api_key")
    ordering = ("-month",)

    spent = staticmethod(_amount("amount", "Spent"))


@admin.register(Cap)
class CapAdmin(FinanceAdmin):
    list_display = ("organisation", "api_key", "most", "updated")
    search_fields = ("organisation__slug",)
    list_select_related = ("organisation", "api_key")

    most = staticmethod(_amount("amount", "A month"))


# --- periods and adjustments ------------------------------------------------------------------------------------


@admin.register(Period)
class PeriodAdmin(FinanceAdmin):
    list_display = ("last_day", "closed", "closed_by", "digest")
    list_select_related = ("closed_by",)
    exclude = ("sha256",)
    readonly_fields = ("digest",)
    ordering = ("-last_day",)
    tools = (Tool("billing_close", Close.title, Close.permission), *AccountAdmin.tools[:1])
    tasks: ClassVar[dict[str, type[Task]]] = {"close": Close}

    @admin.display(description="SHA-256 of its journal")
    def digest(self, period: Period) -> str:
        return bytes(period.sha256).hex()


@admin.register(Adjustment)
class AdjustmentAdmin(FinanceAdmin):
    """Whoever may decide picks some and approves or refuses them; nobody approves their own."""

    list_display = ("id", "state", "moved", "account", "against", "reason", "proposed_by", "decided_by", "decided")
    list_filter = ("state",)
    search_fields = ("reason", "account__organisation__slug", "against__organisation__slug")
    list_select_related = ("account__organisation", "against__organisation", "proposed_by", "decided_by")
    ordering = ("-id",)
    tools = (Tool("billing_propose", Propose.title, Propose.permission),)
    tasks: ClassVar[dict[str, type[Task]]] = {"propose": Propose}
    actions = ("approve", "refuse")

    moved = staticmethod(_amount("amount"))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(adjusting.DECIDE)

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, chosen: Any) -> None:
        self._each(request, chosen, adjusting.approve, "approved")

    @admin.action(description="Refuse", permissions=["decide"])
    def refuse(self, request: HttpRequest, chosen: Any) -> None:
        self._each(request, chosen, adjusting.refuse, "refused")

    def _each(
        self, request: HttpRequest, chosen: Any, decide: Callable[[User, int], Adjustment], done: str
    ) -> None:
        assert isinstance(request.user, User)
        decided = 0
        for each in chosen:
            try:
                decide(request.user, each.pk)
                decided += 1
            except AssayError as error:
                self.message_user(request, f"{each.pk}: {_sentence(error)}", messages.ERROR)
        if decided:
            self.message_user(request, f"{decided} {done}")
