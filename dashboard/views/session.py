"""Log in, log out, switch projects."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views import View

from dashboard.forms.session import LoginForm
from dashboard.views.federation import FAREWELL, ORIGIN, PATIENCE, REFUSAL, manager_for
from dashboard.views.page import Page
from dashboard.views.second_step import ask
from identity.second_step import Need, need_of
from identity.sessions import context_of, switch_project


class LogIn(LoginView):
    """Take name and password; go where the user wanted to go."""

    template_name = "dashboard/login.html"
    form_class = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """Log in, or ask for the second factor first."""
        user: Any = form.get_user()
        if need_of(user) is Need.NOTHING:
            return super().form_valid(form)
        return ask(self.request, user, next_url=self.get_success_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Offer the identity providers, too."""
        return {
            **super().get_context_data(**kwargs),
            "providers": manager_for(self.request).choices(),
            "refusal": self.request.session.pop(REFUSAL, ""),
        }


class LogOut(View):
    """End the session; only a POST does, so no link can."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Forget the browser; offer who came from a provider to log out there, too."""
        origin = request.session.get(ORIGIN)
        logout(request)
        if origin is None:
            return HttpResponseRedirect("/login")
        request.session[FAREWELL] = origin
        request.session.set_expiry(PATIENCE)
        return HttpResponseRedirect(reverse("logged_out"))


class SwitchProject(Page):
    """Work on another project."""

    needs_project = False

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Switch; the overview shows what is there."""
        switch_project(request, request.POST.get("project", ""))
        return self.done(f"You now work on {context_of(request).project_name}.", "/")
