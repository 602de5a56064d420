"""The user's own second factor: add a device, remove it, new recovery codes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from cloudweb.exceptions import CloudwebError
from dashboard.components.navigation import account_tabs
from dashboard.components.qr import qr_code
from dashboard.forms.second_factor import NewDeviceForm, ProofForm
from dashboard.views.page import Page
from identity.manager import SecondFactorManager

#: Where the session keeps a seed that is not confirmed, encrypted.
BEGUN = "second_factor_begun"


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SecondFactor(Page):
    """Devices, and how many recovery codes are left."""

    section = "account"
    needs_project = False

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.show()

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """Show them, with a form that was refused."""
        data = {
            "standing": SecondFactorManager(self.context).get(),
            "tabs": account_tabs("second_factor"),
            "form": ProofForm(),
            **more,
        }
        return self.render("dashboard/second_factor/list.html", status=status, **data)

    def show_codes(self, codes: Any) -> HttpResponse:
        """Show recovery codes, in this one answer and nowhere else."""
        return self.render(
            "dashboard/second_factor/codes.html", codes=codes, tabs=account_tabs("second_factor")
        )


class BeginSecondFactor(SecondFactor):
    """Draw a seed for a device."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lead back."""
        return HttpResponseRedirect(reverse("second_factor"))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Begin; the seed waits in the session, which only this server can read."""
        request.session[BEGUN] = SecondFactorManager(self.context).begin().sealed
        return HttpResponseRedirect(reverse("new_second_factor"))


class NewSecondFactor(SecondFactor):
    """The QR code, and the passcode that proves it was read."""

    @sensitive_variables("sealed", "begun")
    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self._ask(NewDeviceForm(is_first=self._is_first))

    @sensitive_variables("sealed", "made")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Take the device into use; this browser stays logged in, all others do not."""
        form, made = NewDeviceForm(request.POST, is_first=self._is_first), None
        sealed = request.session.get(BEGUN, "")
        if form.is_valid():
            try:
                made = SecondFactorManager(self.context).confirm(sealed=sealed, **form.cleaned_data)
            except CloudwebError as error:
                form.refuse(error)
        if made is None:
            return self._ask(form, status=422)
        del request.session[BEGUN]
        user: Any = request.user
        user.refresh_from_db()
        update_session_auth_hash(request, user)
        if made.codes:
            return self.show_codes(made.codes)
        return self.done(f"{form.cleaned_data['label']} was added.", reverse("second_factor"))

    @property
    def _is_first(self) -> bool:
        standing = SecondFactorManager(self.context).get()
        return not standing.devices and not standing.codes_left

    def _ask(self, form: NewDeviceForm, *, status: int = 200) -> HttpResponse:
        sealed = self.request.session.get(BEGUN)
        if sealed is None:
            return HttpResponseRedirect(reverse("second_factor"))
        try:
            begun = SecondFactorManager(self.context).resume(sealed)
        except CloudwebError:
            del self.request.session[BEGUN]
            raise
        return self.render(
            "dashboard/second_factor/new.html",
            status=status,
            form=form,
            begun=begun,
            qr=qr_code(begun.uri),
            grouped=" ".join(begun.seed[at : at + 4] for at in range(0, len(begun.seed), 4)),
            tabs=account_tabs("second_factor"),
        )


class RemoveSecondFactor(SecondFactor):
    """Forget a device."""

    def post(self, request: HttpRequest, device_id: str) -> HttpResponse:
        """Remove it, if password and passcode are right."""
        form = ProofForm(request.POST)
        if form.is_valid():
            try:
                SecondFactorManager(self.context).remove(device_id, **form.cleaned_data)
            except CloudwebError as error:
                if error.status == 404:
                    raise
                form.refuse(error)
            else:
                return self.done("The device was removed.", reverse("second_factor"))
        return self.show(status=422, form=form, opened=device_id)


class RenewCodes(SecondFactor):
    """New recovery codes."""

    @sensitive_variables("codes")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Draw them, if password and passcode are right."""
        form = ProofForm(request.POST)
        if form.is_valid():
            try:
                codes = SecondFactorManager(self.context).renew_codes(**form.cleaned_data)
            except CloudwebError as error:
                form.refuse(error)
            else:
                return self.show_codes(codes)
        return self.show(status=422, form=form, opened="codes")
