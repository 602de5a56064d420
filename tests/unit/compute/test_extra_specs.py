"""What extra specs may say from 2.86 on."""

from __future__ import annotations

import pytest

from compute.extra_specs import refused


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("color", "blue"),
        ("own:key", "anything"),
        ("capabilities:hypervisor_type", "s== QEMU"),
        ("aggregate_instance_extra_specs:ssd", "true"),
        ("hw:cpu_policy", "mixed"),
        ("hw:cpu_dedicated_mask", "^0-1,4"),
        ("hw:numa_cpus.12", "0-3,^2"),
        ("hw:numa_mem.0", "512"),
        ("hw:cpu_max_sockets", "2"),
        ("hw:mem_page_size", "2MB"),
        ("hw:cpu_realtime", "No"),
        ("quota:disk_read_iops_sec", "0"),
        ("quota:cpu_limit", "-1"),
        ("trait:CUSTOM_GOLD", "required"),
        ("trait_a:HW_CPU_X86_AVX2", "forbidden"),
        ("resources:VGPU", "1"),
    ],
)
def test_what_makes_sense(key: str, value: str) -> None:
    assert refused(key, value) == ""


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("hw:cpu_polcy", "dedicated", "'hw:cpu_polcy' does not appear to be a valid extra spec."),
        ("quota:disk", "1", "'quota:disk' does not appear to be a valid extra spec."),
        ("trait:gold", "required", "'trait:gold' does not appear to be a valid extra spec."),
        ("hw:cpu_policy", "own", "'own' is not one of: dedicated, shared, mixed."),
        ("hw:numa_nodes", "0", "'0' is less than the min value of '1'."),
        ("hw:numa_mem.1", "much", "'much' is not a valid integer value."),
        ("hw:numa_cpus.1", "a-b", "'a-b' is not of the format"),
        ("hw:boot_menu", "perhaps", "'perhaps' is not a valid boolean-like value."),
        ("trait:CUSTOM_GOLD", "perhaps", "'perhaps' is not one of: required, forbidden."),
        ("resources:VGPU", "-1", "less than the min value of '0'"),
    ],
)
def test_what_makes_none_is_refused_in_novas_words(key: str, value: str, why: str) -> None:
    assert why in refused(key, value)
