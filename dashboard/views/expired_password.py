"""A password that expired is changed without a log-in."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.generic import FormView

from identity.forms import ExpiredPasswordForm


class ExpiredPassword(FormView):  # type: ignore[type-arg]  # not generic at run time
    """Take name, old and new password; then the log-in page."""

    template_name = "dashboard/expired_password.html"
    form_class = ExpiredPasswordForm

    def form_valid(self, form: ExpiredPasswordForm) -> HttpResponse:
        """Lead to the log-in: the form changed it."""
        messages.success(self.request, "Your password was changed.")
        return HttpResponseRedirect(reverse("login"))
