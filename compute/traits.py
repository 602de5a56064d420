"""Traits: OpenStack's names for what a host is able to do, by which flavors and images choose hosts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

#: What operators' own traits begin with.
CUSTOM = "CUSTOM_"
_NAME = re.compile(r"[A-Z0-9_]{1,255}\Z")
_X86 = "HW_CPU_X86_"
#: Flags of processors, as libvirt writes them, that OpenStack calls otherwise (os-traits).
_CALLED: Mapping[str, str] = {
    "aes": "AESNI",
    "bmi1": "BMI",
    "pclmuldq": "CLMUL",
    "pclmulqdq": "CLMUL",
    "fma": "FMA3",
    "pni": "SSE3",
    "sha-ni": "SHA",
    "npt": "AMD_NPT",
    "svm": "SVM",
    "sev": "AMD_SEV",
    "sev-es": "AMD_SEV_ES",
    "sse4.1": "SSE41",
    "sse4.2": "SSE42",
    "sse4a": "SSE4A",
    "ibpb": "AMD_IBPB",
    "no-ssb": "AMD_NO_SSB",
    "ssbd": "AMD_SSBD",
    "virt-ssbd": "AMD_VIRT_SSBD",
    "mwait": "MONITOR",
    "avx512-4fmaps": "AVX5124FMAPS",
    "avx512-4vnniw": "AVX5124VNNIW",
    "avx512-vpopcntdq": "AVX512VPOPCNTDQ",
    "avx512vbmi2": "AVX512VBMI2",
    "avx512-bitalg": "AVX512BITALG",
    "avx512bitalg": "AVX512BITALG",
    "avx512-vnni": "AVX512VNNI",
    "avx512vnni": "AVX512VNNI",
}
#: Those that are called as they are.
_AS_THEY_ARE = frozenset(
    {
        "3dnow", "abm", "asf", "avx", "avx2", "avx512bw", "avx512cd", "avx512dq", "avx512er",
        "avx512f", "avx512gfni", "avx512ifma", "avx512pf", "avx512vaes", "avx512vbmi", "avx512vl",
        "avx512vpclmulqdq", "bmi2", "f16c", "fma4", "mmx", "mpx", "pcid", "rtm", "hle", "sgx",
        "sse", "sse2", "ssse3", "stibp", "tbm", "tsx", "vmx", "xop",
    }
)  # fmt: skip
#: What drivers are able to do (``compute.drivers.base``), in OpenStack's words.
_OF_CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "hot_plug": ("COMPUTE_VOLUME_ATTACH_WITH_TAG",),
    "interface_hot_plug": ("COMPUTE_NET_ATTACH_INTERFACE",),
    "rescue": ("COMPUTE_RESCUE_BFV",),
    "vnc_console": ("COMPUTE_GRAPHICS_MODEL_VGA",),
}
#: What every host does.
_OF_ALL = (
    "COMPUTE_NODE",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_VOLUME_EXTEND",
)


def of_flags(flags: Iterable[str]) -> set[str]:
    """Return the traits of a processor with these flags; what has no name of its own is left out."""
    found = set()
    for flag in flags:
        name = _CALLED.get(flag) or (flag.upper() if flag in _AS_THEY_ARE else "")
        if name:
            found.add(_X86 + name)
    return found


def of_capabilities(names: Collection[str]) -> set[str]:
    """Return the traits of a host whose driver can do this."""
    known = (trait for name in names for trait in _OF_CAPABILITIES.get(name, ()))
    return {*_OF_ALL, *known}


def is_trait(name: str) -> bool:
    """Tell whether a trait can be called so."""
    return bool(_NAME.match(name))


def is_custom(name: str) -> bool:
    """Tell whether it is a name for operators to give."""
    return is_trait(name) and name.startswith(CUSTOM) and len(name) > len(CUSTOM)
