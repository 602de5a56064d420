"""What flavors and images ask of hosts, in OpenStack's keys."""

from __future__ import annotations

import pytest

from cloudweb.exceptions import BadRequest
from compute import traits
from compute.scheduler import ImageNeeds, needs

SIZE = {"vcpus": 2, "ram": 512}


def test_an_image_says_what_it_was_made_for() -> None:
    found = needs(
        {"trait:CUSTOM_GOLD": "required", "hw:cpu_policy": "shared"},
        {
            "architecture": "amd64",
            "hypervisor_type": "QEMU",
            "hypervisor_version_requires": ">=6.1, <8",
            "trait:HW_CPU_X86_AVX2": "required",
            "trait:CUSTOM_OLD": "forbidden",
        },
        **SIZE,
    )
    assert found == {
        "traits": ("CUSTOM_GOLD", "HW_CPU_X86_AVX2"),
        "forbidden_traits": ("CUSTOM_OLD",),
        "image": ImageNeeds(
            architectures=("x86_64",),
            hypervisor_type="qemu",
            versions=(("gte", 6001000), ("lt", 8000000)),
            hypervisor="QEMU >=6.1, <8",
        ),
        "numa": None,
        **SIZE,
    }
    old = needs({}, {"hw_architecture": "i386"}, **SIZE)
    assert old["image"].architectures == ("i686", "x86_64")
    assert needs({}, {}, **SIZE)["image"] == ImageNeeds()
    pinned = needs({"hw:cpu_policy": "dedicated"}, {}, **SIZE)
    assert (pinned["vcpus"], len(pinned["numa"].cells[0].cpus)) == (0, 2)  # it shares none
    mixed = needs({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "1"}, {}, **SIZE)
    assert (mixed["vcpus"], mixed["numa"].own) == (1, 1)


@pytest.mark.parametrize(
    ("specs", "properties", "words"),
    [
        ({"hw:cpu_realtime": "yes"}, {}, "hw:cpu_realtime=yes, which no host"),
        ({}, {"hw_mem_encryption": "true"}, "The image asks for hw_mem_encryption=true"),
        ({"hw:numa_nodes": "3"}, {}, "cannot be evenly distributed"),
        (
            {"hw:cpu_max_sockets": "1", "hw:cpu_max_cores": "1"},
            {"hw_cpu_max_threads": "1"},
            "imposs",
        ),
        ({"trait:CUSTOM_A": "perhaps"}, {}, "a trait is required or forbidden"),
        ({"trait:b": "required"}, {}, "a trait is required or forbidden"),
        (
            {"trait:CUSTOM_A": "required"},
            {"trait:CUSTOM_A": "forbidden"},
            "CUSTOM_A is required and",
        ),
        ({}, {"img_hv_requested_version": "new"}, "the hypervisor's version 'new'"),
    ],
)
def test_what_cannot_be_is_said_before_anything_begins(
    specs: dict[str, str], properties: dict[str, str], words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        needs(specs, properties, **SIZE)


def test_flags_of_processors_have_openstacks_names() -> None:
    found = traits.of_flags(["aes", "avx2", "sse4.1", "pni", "hypervisor", "de"])
    assert found == {f"HW_CPU_X86_{name}" for name in ("AESNI", "AVX2", "SSE41", "SSE3")}
    assert "COMPUTE_NET_ATTACH_INTERFACE" in traits.of_capabilities(["interface_hot_plug"])
    names = ("CUSTOM_A", "CUSTOM_", "CUSTOM_a", "HW_A")
    assert [traits.is_custom(name) for name in names] == [True, False, False, False]
