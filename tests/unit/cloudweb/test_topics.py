"""The command line decides whether a process gets a database."""

from __future__ import annotations

import pytest

from cloudweb.topics import host_topic, settings_module_for


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("service compute --host h1", "agent"),
        ("service --host h1 compute,network", "agent"),
        ("service host --host h1", "agent"),
        ("service --host=h1 network", "agent"),
        ("service --host compute conductor", "control"),
        ("worker --queues=compute.h1", "agent"),
        ("service control", "control"),
        ("service compute,conductor", "control"),
        ("worker -Q compute.h1,network.h1", "agent"),
        ("worker -Q compute.h1,conductor", "control"),
        ("migrate", "control"),
    ],
)
def test_only_host_services_get_the_agents_settings(words: str, settings: str) -> None:
    assert settings_module_for(["manage.py", *words.split()]) == f"cloudweb.settings.{settings}"


@pytest.mark.parametrize("host", ["", "*", "a#b", "H1", "-x", "a" * 64, "h1\n"])
def test_a_host_name_cannot_match_another_queue(host: str) -> None:
    with pytest.raises(ValueError, match="no such topic"):
        host_topic("compute", host)
