"""No page of dashboard or operator console has a serious finding of axe-core in either theme, nor complains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from dashboard.urls import urlpatterns
from tests.browser.conftest import Browser
from tests.infrastructure import ROOT

pytestmark = pytest.mark.timeout(600)
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
IMAGE = "00000000-0000-4000-8000-00000000de30"
#: Whole pages: without arguments, about a server, about an image.
PLAIN = (
    "overview", "servers", "launch", "images", "new_image", "import_image", "key_pairs", "activity", "usage",
    "console_recordings",
    "account", "api_access", "second_factor", "application_credentials",
    "new_application_credential", "members", "networks", "routers", "floating_ips", "volume_groups", "server_groups",
    "security_groups", "network_picture", "volumes", "backups",
    "databases", "launch_database", "database_backups", "configurations",
)  # fmt: skip
OF_A_SERVER = (
    "server",
    "server_console",
    "server_history",
    "server_trace",
    "server_terminal",
    "server_usage",
    "server_resize",
    "server_move",
    "server_rebuild",
    "server_rescue",
)
OF_AN_IMAGE = ("image",)
OF_A_GROUP = ("security_group",)
OF_A_VOLUME = ("volume",)
OF_A_VOLUME_GROUP = ("volume_group",)
OF_A_BACKUP = ("backup",)
OF_A_NETWORK = ("network",)
OF_A_ROUTER = ("router",)
OF_A_DATABASE = (
    "database", "database_contents", "database_own_backups", "database_replicas", "database_settings",
    "database_size", "database_logs", "database_history",
)  # fmt: skip
OF_A_CONFIGURATION = ("configuration",)
#: What a stranger sees.
OUTSIDE = ("/login", "/logged-out", "/admin/login/", "/nothing")
#: Parts of pages, files, what is only posted to, and pages that a few steps lead to.
NO_PAGES = {
    "overview_live", "console_window", "console_token", "open_console", "console_text", "console_log", "image_live",
    "image_data", "database_authority", "clouds_yaml", "openrc", "logout", "switch_project", "server_allow",
    "rename_server", "server_action", "image_words", "image_members", "remove_member",
    "answer_share", "withhold_image", "delete_image", "generate_key", "import_key",
    "new_network", "new_server_group", "new_router", "join_network", "new_floating_ip", "lead_floating_ip",
    "private_network", "new_group", "new_rule", "edit_group", "attach_group", "detach_group",
    "attach_floating_ip", "detach_floating_ip", "attach_interface", "detach_interface",
    "new_volume", "grow_volume", "rename_volume", "delete_volume", "take_volume",
    "offer_volume", "withdraw_volume", "attach_volume", "detach_volume", "take_snapshot",
    "revert_volume", "delete_snapshot", "back_up_volume", "new_schedule", "edit_schedule",
    "new_volume_group", "edit_volume_group", "add_volume", "remove_volume", "snapshot_volume_group",
    "copy_volume_group", "restore_group_snapshot", "delete_group_snapshot", "delete_volume_group",
    "upload_volume", "retype_volume", "reimage_volume", "pause_schedule", "resume_schedule", "delete_schedule",
    "rename_backup", "restore_backup", "prove_backup", "delete_backup", "snapshot_server", "abort_move", "finish_move",
    "swap_volume", "usage_graphs",
    "edit_network", "delete_network", "add_subnet", "delete_subnet", "share_network", "end_sharing",
    "edit_router", "delete_router", "set_gateway", "add_interface", "remove_interface",
    "add_route", "remove_route",
    "rename_database", "let_in_database", "database_action", "new_content", "new_database_user",
    "new_database_password", "enable_root", "change_contents", "back_up_database", "delete_database_backup",
    "new_replica", "set_failover", "configure_database", "resize_database", "grow_database", "new_configuration",
    "upgrade_database",
    "new_database_schedule", "edit_database_schedule", "pause_database_schedule", "resume_database_schedule",
    "delete_database_schedule", "keep_database_log", "prove_database_backup",
    "begin_second_factor", "renew_codes", "remove_second_factor",
    "record_consoles", "stop_recording", "console_recording", "console_recording_cast",
    "add_member", "change_member", "federated_callback", "federated_login",
    "login", "logged_out", "expired_password", "second_step", "new_second_factor",
}  # fmt: skip
#: Whether the operators' fields that find rows are what their script makes of them.
NAMED = """
return [...document.querySelectorAll("select.admin-autocomplete:not([name*=__prefix__])")].every(
  (one) => one.nextElementSibling?.querySelector("[aria-labelledby$=-label]"));
"""
LOOK = """
const [whole, rules, done] = arguments;
const where = whole ? document : {exclude: [["#nav-sidebar"], [".side"]]};
axe.run(where, {resultTypes: ["violations"], ...(rules ? {runOnly: rules} : {})}).then(
  (found) => done(found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" ")}`)),
  (error) => done([`axe: ${error}`]));
"""


def test_every_page_is_looked_at() -> None:
    known = {
        *PLAIN,
        *OF_A_SERVER,
        *OF_AN_IMAGE,
        *OF_A_GROUP,
        *OF_A_VOLUME,
        *OF_A_VOLUME_GROUP,
        *OF_A_BACKUP,
        *OF_A_NETWORK,
        *OF_A_ROUTER,
        *OF_A_DATABASE,
        *OF_A_CONFIGURATION,
        *NO_PAGES,
    }
    assert {route.name for route in urlpatterns} == known


def findings(browser: Browser, path: str, *, whole: bool = False) -> Iterator[str]:
    """Open a page and yield what is wrong with it, but for the menu that all have unless it is the ``whole``.

    Its boxes are opened, too.

    What stands in the console is wrong as well: scripts and styles that the policy keeps out, missing files.
    """
    browser.complaints()
    browser.open(path)
    browser.wait(lambda: browser.run(NAMED), f"{path} has names at its fields")
    if path != "/nothing":
        yield from (f"{path}: {one}" for one in browser.complaints())
    for theme, rules in (("light", None), ("dark", ["color-contrast"])):
        browser.run(
            "const root = document.documentElement; root.dataset.theme = root.dataset.bsTheme ="
            " arguments[0]; for (const box of document.querySelectorAll('dialog.box[id$=-box]'))"
            " box.open || box.show()",
            theme,
        )
        for found in browser.driver.execute_async_script(LOOK, whole, rules):
            yield f"{path} ({theme}): {found}"


def paths(browser: Browser, css: str) -> list[str]:
    """Return the operators' pages that links on this page lead to."""
    found: Any = browser.run(
        "return [...document.querySelectorAll(arguments[0])].map((one) => one.pathname)", css
    )
    return [path for path in found if path.startswith("/admin/")]


def findings_of_operators(browser: Browser) -> Iterator[str]:
    """Look at the lists and forms that the first page leads to, and at the first row of each list."""
    yield from findings(browser, "/admin/", whole=True)
    pages = [*dict.fromkeys(paths(browser, "#content-main a")), "/admin/password_change/"]
    assert len(pages) > 40
    for page in pages:
        yield from findings(browser, page, whole=page == pages[0])  # the first one has no menu
        for row in paths(browser, "#result_list tbody th a")[:1]:
            yield from findings(browser, row)


@pytest.fixture
def with_axe(browser: Browser) -> Iterator[Browser]:
    """Have axe-core in each page that is opened."""
    place = "ScriptToEvaluateOnNewDocument"
    added = browser.driver.execute_cdp_cmd(f"Page.add{place}", {"source": AXE.read_text()})
    yield browser
    browser.driver.execute_cdp_cmd(f"Page.remove{place}", added)


def test_no_serious_finding(with_axe: Browser) -> None:
    browser = with_axe
    browser.driver.set_script_timeout(60)
    browser.driver.execute_cdp_cmd(  # colours that are on their way are none
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]},
    )
    wrong = [found for path in OUTSIDE for found in findings(browser, path, whole=True)]
    browser.log_in("admin", "cloudweb-admin")
    browser.open("/servers/launch")
    browser.fill("[name=name]", "accessible")
    browser.press("[data-launch]")
    browser.wait(lambda: browser.text("#server .title-line .status") == "Running", "it runs")
    server = browser.driver.current_url.rpartition("/")[2]
    wrong += findings(browser, reverse(PLAIN[0]), whole=True)
    pages = [reverse(name) for name in PLAIN[1:]]
    pages += [reverse(name, args=[server]) for name in OF_A_SERVER]
    pages += [reverse(name, args=[IMAGE]) for name in OF_AN_IMAGE]
    browser.open("/security-groups")
    group = str(browser.find("#rows tbody th a").get_property("href")).rpartition("/")[2]
    pages += [reverse(name, args=[group]) for name in OF_A_GROUP]
    browser.open("/volumes/new")
    browser.fill("[name=name]", "accessible")
    browser.send("#new-box button[type=submit]")
    volume = str(browser.find("#rows tbody th a").get_property("href")).rpartition("/")[2]
    pages += [reverse(name, args=[volume]) for name in OF_A_VOLUME]
    browser.wait(lambda: browser.text("#rows .status") == "Free", "the volume is there")
    browser.open(reverse("back_up_volume", args=[volume]))
    browser.fill("#backup_name", "accessible")
    browser.send("#back_up-box button[type=submit]")
    browser.open("/backups")
    backup = str(browser.find("#rows tbody th a").get_property("href")).rpartition("/")[2]
    browser.wait(lambda: browser.text("#rows .status") == "Ready", "the backup is there")
    pages += [reverse(name, args=[backup]) for name in OF_A_BACKUP]
    browser.open("/admin/volume/grouptype/add/")
    browser.fill("[name=name]", "accessible")
    browser.send("[name=_save]")
    browser.open("/volume-groups/new")
    browser.fill("#new-box [name=name]", "accessible")
    browser.send("#new-box button[type=submit]")
    browser.open("/volume-groups")
    kept = str(browser.find("#rows tbody th a").get_property("href")).rpartition("/")[2]
    pages += [reverse(name, args=[kept]) for name in OF_A_VOLUME_GROUP]
    browser.open("/databases/settings/new")
    browser.fill("#new-box [name=name]", "accessible")
    browser.send("#new-box button[type=submit]")
    settings = browser.driver.current_url.rpartition("/")[2]
    pages += [reverse(name, args=[settings]) for name in OF_A_CONFIGURATION]
    browser.open(reverse("image", args=[IMAGE]))
    browser.fill("[name=tags]", "database")
    browser.send("form[action$=words] button[type=submit]")
    browser.open("/databases/launch")
    browser.fill("[name=name]", "accessible")
    browser.fill("[name=database]", "accessible")
    browser.fill("[name=user]", "accessible")
    browser.fill("[name=password]", "accessible")
    browser.send(".launch button[type=submit]")
    database = browser.driver.current_url.rpartition("/")[2]
    browser.wait(lambda: browser.text("#database .title-line .status") == "Running", "it serves")
    pages += [reverse(name, args=[database]) for name in OF_A_DATABASE]
    browser.open("/routers/new")
    browser.fill("#new-box [name=name]", "accessible")
    browser.send("#new-box button[type=submit]")
    for path, names in (("/routers", OF_A_ROUTER), ("/networks", OF_A_NETWORK)):
        browser.open(path)
        one = str(browser.find("#rows tbody th a").get_property("href")).rpartition("/")[2]
        pages += [reverse(name, args=[one]) for name in names]
    wrong += [found for path in (*pages, "/nothing") for found in findings(browser, path)]
    wrong += findings_of_operators(browser)
    assert wrong == []
