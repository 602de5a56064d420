"""The attack corpus: disks that no cloud may take, each with what is declared and why it is refused.

Nothing of it is on disk: each file is made when a test asks for it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from tests.builders import disks
from tests.builders import foreign_disks as foreign
from tests.builders.sound_images import SOUND, Case

GIB, EIB = 1024**3, 1024**6
_EXTERNAL = struct.pack(">II", 0x44415441, 8) + b"/etc/pas"
_BITMAPS = struct.pack(">II", 0x23852875, 24) + bytes(24)
_CRYPTO = struct.pack(">II", 0x0537BE77, 16) + bytes(16)
_DATA = [b"one", b"two"]
_CLUSTER = disks.CLUSTER


def _qcow2() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    make = disks.qcow2
    full = lambda **more: make(clusters=_DATA, **more)  # noqa: E731
    yield "backing file", lambda: make(backing=b"/etc/shadow"), "backing file"
    yield "backing file v2", lambda: make(version=2, backing=b"/etc/shadow"), "backing file"
    yield "backing json", lambda: make(backing=b'json:{"driver":"nbd"}'), "backing file"
    yield "backing file without a place", lambda: make(backing_size=11), "backing file"
    yield "data file", lambda: make(incompatible=1 << 2), "data file"
    yield "data file named without the bit", lambda: make(extensions=_EXTERNAL), "data file"
    yield "data file named in version 2", lambda: make(version=2, extensions=_EXTERNAL), "data file"
    yield "extended second tables", lambda: make(incompatible=1 << 4), "features"
    yield "unknown feature", lambda: make(incompatible=1 << 40), "features"
    yield "unknown feature 63", lambda: make(incompatible=1 << 63), "features"
    yield "marked corrupt", lambda: make(incompatible=1 << 1), "corrupt"
    yield (
        "unknown compression",
        lambda: make(incompatible=8, header_length=112, compression=9),
        "compression",
    )
    yield (
        "compression without its bit",
        lambda: make(header_length=112, compression=1),
        "compression",
    )
    yield "version 1", lambda: make(version=1), "features"
    yield "version 4", lambda: make(version=4), "features"
    yield "encrypted with AES", lambda: make(crypt=1), "encrypted"
    yield "encrypted with LUKS", lambda: make(crypt=2), "encrypted"
    yield "key in the header", lambda: make(extensions=_CRYPTO), "encrypted"
    yield "bitmaps", lambda: make(extensions=_BITMAPS), "bitmaps"
    yield "internal snapshots", lambda: full(snapshots=1), "snapshots"
    yield "two billion snapshots", lambda: full(snapshots=2**31), "snapshots"
    yield "absurd header", lambda: make(header_length=2**32 - 8), "out of range"
    yield "header too short", lambda: make(header_length=72), "out of range"
    yield (
        "endless extension",
        lambda: make(extensions=struct.pack(">II", 1, 2**32 - 8)),
        "run out of the header",
    )
    yield "absurd clusters", lambda: make()[:20] + b"\0\0\0\x3f" + make()[24:], "cluster size"
    yield "tiny clusters", lambda: make()[:20] + b"\0\0\0\x01" + make()[24:], "cluster size"
    yield "exabytes", lambda: make(size=EIB, l1_entries=1), "virtual size"
    yield "all bits of a size", lambda: make(size=2**64 - 1, l1_entries=1), "virtual size"
    yield "short first table", lambda: make(l1_entries=1), "virtual size"
    yield "first table past the end", lambda: make(l1_offset=1 << 40), "truncated"
    yield "first table over the header", lambda: make(l1_offset=0), "out of place"
    yield "first table out of step", lambda: make(l1_offset=_CLUSTER * 3 + 512), "out of place"
    yield "enormous first table", lambda: make(l1_entries=2**31), "first table"
    yield "references past the end", lambda: make(refcount_offset=1 << 50), "truncated"
    for name, reason, entries in (
        ("past the end", "truncated", (64 * _CLUSTER,)),
        ("in the header", "out of place", (512,)),
        ("twice", "the same", (4 * _CLUSTER, 4 * _CLUSTER)),
    ):
        yield (
            f"second table {name}",
            lambda entries=entries: disks.with_first_table(full(), *entries),
            reason,
        )
    yield "one cluster for all", lambda: _all_one_cluster(), "more data than"
    yield "compressed bomb", disks.bomb, "expands"
    yield "compressed data past the end", lambda: _pointing_at(1 << 62 | 1 << 40), "truncated"
    yield "last cluster cut off", lambda: full()[:-_CLUSTER], "truncated"


def _pointing_at(*pointers: int) -> bytes:
    whole = disks.qcow2(clusters=_DATA)
    second = struct.pack(f">{len(pointers)}Q", *pointers)
    return whole[: 4 * _CLUSTER] + second + whole[4 * _CLUSTER + len(second) :]


def _all_one_cluster() -> bytes:
    return _pointing_at(*[1 << 63 | 5 * _CLUSTER] * 8192)


def _vmdk() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    make, text = foreign.vmdk, foreign.vmdk_descriptor
    size = foreign.SECTORS
    for kind, extent in (
        ("monolithicFlat", f'RW {size} FLAT "/etc/passwd" 0'),
        ("monolithicFlat", f'RW {size} FLAT "disk-flat.vmdk" 0'),
        ("twoGbMaxExtentFlat", f'RW {size} FLAT "disk-f001.vmdk" 0'),
        ("twoGbMaxExtentSparse", f'RW {size} SPARSE "disk-s001.vmdk"'),
        ("vmfs", f'RW {size} VMFS "disk-flat.vmdk"'),
        ("vmfsSparse", f'RW {size} VMFSSPARSE "disk.vmdk"'),
        ("fullDevice", f'RW {size} FLAT "/dev/sda" 0'),
        ("partitionedDevice", f'RW {size} FLAT "/dev/sda1" 0'),
        ("custom", f'RW {size} FLAT "../../etc/passwd" 0'),
    ):
        yield (
            f"description of {kind}: {extent.split(' ', 2)[2]}",
            lambda extent=extent, kind=kind: text(extent, kind=kind),
            "external extents",
        )
        yield (
            f"sparse that claims {kind}: {extent.split(' ', 2)[2]}",
            lambda extent=extent, kind=kind: make(extent, kind=kind),
            "external extents",
        )
    for what, extent in (
        ("a path", f'RW {size} SPARSE "/dev/sda"'),
        ("a path upwards", f'RW {size} SPARSE "../other.vmdk"'),
        ("a path of Windows", f'RW {size} SPARSE "..\\other.vmdk"'),
        ("a protocol", f'RW {size} SPARSE "nbd:host:10809"'),
        ("a flat extent", f'RW {size} FLAT "disk.vmdk" 0'),
        ("no access", f'NOACCESS {size} SPARSE "disk.vmdk"'),
        ("two extents", f'RW {size} SPARSE "disk.vmdk"\nRW {size} SPARSE "b.vmdk"'),
        ("another capacity", 'RW 4096 SPARSE "disk.vmdk"'),
        ("no extent", "# nothing"),
        ("words of its own", f'RW {size} SPARSE "disk.vmdk"\nINCLUDE /etc/passwd'),
    ):
        yield f"sparse with {what}", lambda extent=extent: make(extent), ""
    hint = b'parentFileNameHint="/etc/shadow"\n'
    yield "parent", lambda: make(more=hint.decode()), "parent"
    yield (
        "parent behind the description",
        lambda: make(description_size=2, after=b"\0" * 512 + hint),
        "parent",
    )
    yield "parent behind a NUL", lambda: make(more="\0" + hint.decode()), ""
    yield "parent by its number", lambda: make(more="parentCID=12345678"), "parent"
    yield "no capacity: follow the description", lambda: make(capacity=0), "capacity"
    yield "exabytes", lambda: make(capacity=2**53), ""
    yield "all bits of a capacity", lambda: make(capacity=2**64 - 1), ""
    yield "absurd grains", lambda: make(grain=1 << 40), "grain size"
    yield "grains of no size", lambda: make(grain=0), "grain size"
    yield "no table entries", lambda: make(entries=0), "tables"
    yield "absurd table entries", lambda: make(entries=2**31), "tables"
    yield "version 9", lambda: make(version=9), ""
    yield "description elsewhere", lambda: make(description_at=5), ""
    yield "enormous description", lambda: make(description_size=1 << 40), ""
    yield "directory past the end", lambda: make(directory=1 << 40), "truncated"
    yield "data past the end", lambda: make(grains=[1 << 30]), "truncated"
    yield "one grain for all", lambda: make(grains=[128] * 512), "more data than"
    yield "transferred as text", lambda: make(line_ends=b"\n\n  "), "as text"
    yield "unknown compression", lambda: make(flags=0x30003, compression=7), "compression"
    yield "stream-optimized bomb", lambda: make(
        f'RW {2**25} SPARSE "d.vmdk"',
        kind="streamOptimized", flags=0x30003, compression=1, capacity=2**25, grain=2048,
        grains=[128] * 512, tables=32,
    ), "expands"  # fmt: skip
    for name, changed in (
        ("capacity", {"capacity": 4096}),
        ("flags", {"flags": 1}),
        ("directory", {"directory": 2**64 - 1}),
    ):
        yield (
            f"footer with another {name}",
            lambda changed=changed: make(kind="streamOptimized", footer=changed),
            "footer",
        )
    yield "footer missing", lambda: make(directory=2**64 - 1), "footer"


def _vdi() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    make = foreign.vdi
    yield "difference", lambda: make(kind=4), "parent"
    yield "undo disk", lambda: make(kind=3), "parent"
    yield "parent", lambda: make(parent=b"p" * 16), "parent"
    yield "link", lambda: make(link=b"l" * 16), "parent"
    yield "exabytes", lambda: make(size=EIB), "virtual size"
    yield "size of nothing", lambda: make(size=0), "virtual size"
    yield "more blocks than the file", lambda: make(blocks=2**31, allocated=1), "virtual size"
    yield "absurd block size", lambda: make(block=2**31), "block size"
    yield "blocks with extra", lambda: make(extra=2**20), "block size"
    yield "version 0", lambda: make(version=1), "version"
    yield "map over the header", lambda: make(map_at=0), "out of place"
    yield "map over the data", lambda: make(map_at=1024), "over its data"
    yield "map past the end", lambda: make(map_at=2**31, data_at=2**31 + 512), "truncated"
    yield "data past the end", lambda: make(entries=(5, 0xFFFFFFFF)), "truncated"
    yield "one block for all", lambda: make(entries=(0, 0)), "more data than"


def _vhd() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    make = foreign.vhd
    yield "difference", lambda: make(kind=4), "parent"
    yield "difference that says dynamic", lambda: make(parent=b"\0/\0e\0t\0c"), "parent"
    yield "parent locator", lambda: make(locators=b"W2ru"), "parent"
    yield "unknown kind", lambda: make(kind=9), "kind"
    yield "exabytes", lambda: make(size=EIB), "virtual size"
    yield "size of nothing", lambda: make(size=0), "size"
    yield "absurd block size", lambda: make(block=2**31), "block size"
    yield "blocks of no size", lambda: make(block=0), "block size"
    yield "more entries than the file", lambda: make(claimed=2**32 - 1), "truncated"
    yield "table past the end", lambda: make(table_at=2**60), "truncated"
    yield "data past the end", lambda: make(entries=(2**31, 0xFFFFFFFF)), "truncated"
    yield "one block for all", lambda: make(size=8 * GIB, entries=(4,) * 4096), "more data than"
    yield "no footer", lambda: make(end=b""), "footer"
    yield "another footer", lambda: make(end=foreign.vhd_footer(size=512, kind=3)), "footer"
    yield "wrong checksum", lambda: make()[:100] + b"x" + make()[101:], ""
    yield "fixed, of another size", lambda: foreign.vhd_fixed(bytes(65536), size=512), "truncated"
    yield "fixed, of exabytes", lambda: foreign.vhd_fixed(bytes(65536), size=EIB), "virtual size"
    yield "fixed around a qcow2", lambda: foreign.vhd_fixed(disks.qcow2()), "qcow2"


def _vhdx() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    make = foreign.vhdx
    yield "parent", lambda: make(flags=2), "parent"
    yield "parent locator", lambda: make(items=("parameters", "size", "sector", "parent")), "parent"
    yield "partly here", lambda: make(entries=(3 * foreign.MIB | 7, 0)), "parent"
    yield "log to replay", lambda: make(log=b"l" * 16), "log"
    yield "exabytes", lambda: make(size=EIB), "virtual size"
    yield "size of nothing", lambda: make(size=0), "size"
    yield "table too short", lambda: make(size=1024**4), "table"
    yield "absurd block size", lambda: make(block=2**31), "block size"
    yield "absurd sectors", lambda: make(sector=3), "size"
    yield "version 2", lambda: make(version=2), "version"
    yield "no metadata", lambda: make(regions=("bat",)), ""
    yield "a region twice", lambda: make(regions=("bat", "metadata", "bat")), "regions"
    yield "unknown region", lambda: make(regions=("bat", "metadata", "unknown")), "region"
    yield "countless regions", lambda: make(count=2**31), ""
    yield "metadata past the end", lambda: make(metadata_at=1 << 50), ""
    yield "metadata in the header", lambda: make(metadata_at=65536), ""
    yield "size missing", lambda: make(items=("parameters", "sector")), ""
    yield "an item twice", lambda: make(items=("parameters", "size", "sector", "size")), "metadata"
    yield "two region tables", lambda: make(other_table=True), "region tables"
    yield "data past the end", lambda: make(entries=((1 << 50) | 6, 0)), "truncated"
    yield (
        "one block for all",
        lambda: make(size=8 * foreign.MIB, entries=(3 * foreign.MIB | 6,) * 8),
        "more data than",
    )


def _iso() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    make = disks.iso
    boot = disks.EL_TORITO
    yield "longer than the file", lambda: make(claimed=33), "truncated"
    yield "terabytes", lambda: make(claimed=2**32 - 1), "truncated"
    yield "size of nothing", lambda: make(claimed=0), "size"
    yield "absurd blocks", lambda: make(block=1), "size"
    yield "no end of descriptors", lambda: make(end=False), "no end"
    yield "boot record of another system", lambda: make(boot=b"MY OWN"), "unknown system"
    yield "hidden second boot record", lambda: make(boot=boot, boot_records=2), "several"
    yield "boot catalog past the end", lambda: make(boot=boot, catalog=2**31), "truncated"
    yield "boot catalog in the system area", lambda: make(boot=boot, catalog=0), "catalog"
    yield "boot image past the end", lambda: make(boot=boot, boot_image=2**31), "truncated"
    yield "qcow2 in front", lambda: make(system_area=disks.qcow2()[:32768]), "iso and qcow2"
    yield "vmdk in front", lambda: make(system_area=foreign.vmdk()[:32768]), "iso and vmdk"
    yield "vdi in front", lambda: make(system_area=foreign.vdi()[:1024]), "iso and vdi"
    yield "luks in front", lambda: make(system_area=disks.luks()), "iso and luks"
    yield (
        "hybrid with a wrong partition table",
        lambda: make(system_area=disks.partitioned((0x42, 0x83))),
        "partition table",
    )


def _raw() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    table = disks.partitioned((0x80, 0x83), size=32768)
    gpt_and_qcow2 = disks.qcow2()
    yield (
        "GPT with a second partition",
        lambda: disks.partitioned((0, 0xEE), (0x80, 0x83)),
        "partition table",
    )
    yield "boot sector without partitions", lambda: disks.partitioned(), "partition table"
    yield (
        "partition that is neither on nor off",
        lambda: disks.partitioned((0x55, 0x83)),
        "partition table",
    )
    yield (
        "MBR that is also a qcow2",
        lambda: gpt_and_qcow2[:446] + table[446:512] + gpt_and_qcow2[512:],
        "qcow2",
    )
    yield "MBR that is also an iso", lambda: disks.iso(system_area=table), "iso"
    yield (
        "MBR that is also a vdi",
        lambda: foreign.vdi()[:446] + table[446:512] + foreign.vdi()[512:],
        "vdi",
    )
    yield "qcow2 with a backing file", lambda: disks.qcow2(backing=b"/etc/shadow"), "qcow2"
    yield "short qcow2", lambda: disks.qcow2()[:200], "qcow2"
    yield "qcow version 1", lambda: disks.qcow2(version=1), "qcow2"
    yield "LUKS header", disks.luks, "luks"
    yield "QED", lambda: b"QED\0".ljust(4096, b"\0"), "qed"
    yield "Parallels", lambda: b"WithoutFreeSpace".ljust(4096, b"\0"), "Parallels"
    yield "Bochs", lambda: b"Bochs Virtual HD Image".ljust(4096, b"\0"), "Bochs"
    yield "old VMDK", lambda: b"COWD".ljust(4096, b"\0"), "COWD"
    yield "fixed VHD", lambda: foreign.vhd_fixed(bytes(65536)), "vhd"
    yield (
        "description of a VMDK",
        lambda: foreign.vmdk_descriptor('RW 2048 FLAT "/etc/passwd" 0'),
        "VMDK",
    )
    yield (
        "description of a VMDK behind a long comment",
        lambda: (
            b"# " + b"x" * 1500 + b"\n" + foreign.vmdk_descriptor('RW 2048 FLAT "/etc/passwd" 0')
        ),
        "",
    )


_FORMATS = {
    "qcow2": _qcow2, "vmdk": _vmdk, "vdi": _vdi, "vhd": _vhd, "vhdx": _vhdx, "iso": _iso,
    "raw": _raw,
}  # fmt: skip
#: One sound file of each format that can be told from raw, to be declared as all the others.
_TELLING = ("qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso", "raw")


def _pairs() -> Iterator[tuple[str, Case]]:
    for real in _TELLING:
        for declared in (*_TELLING, "ami", "aki", "ari"):
            is_same = declared == real or (real == "raw" and declared in ("ami", "aki", "ari"))
            if not is_same:
                container = declared if declared.startswith("a") else "bare"
                reason = "no disk format" if real == "raw" else real
                yield (
                    f"{real} declared as {declared}",
                    Case(declared, SOUND[real].make, reason, container),
                )


def _cut(name: str, keep: Callable[[int], int]) -> Callable[[], bytes]:
    def make() -> bytes:
        whole = SOUND[name].make()
        return whole[: keep(len(whole))]

    return make


def _truncated() -> Iterator[tuple[str, Case]]:
    for name in (
        "qcow2", "vmdk", "stream-optimized vmdk", "vdi", "vhd", "fixed vhd", "vhdx", "iso",
        "bootable iso",
    ):  # fmt: skip
        for what, keep in (
            ("one byte", lambda size: 1),
            ("a hundred bytes", lambda size: 100),
            ("one sector", lambda size: 512),
            ("a half", lambda size: size // 2),
            ("all but 64 KiB", lambda size: size - 65536 if size > 131072 else size - 2048),
        ):
            yield f"{what} of a {name}", Case(SOUND[name].disk_format, _cut(name, keep))


def _empty() -> Iterator[tuple[str, Case]]:
    for name in ("raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso", "ami", "aki", "ari"):
        container = name if name in ("ami", "aki", "ari") else "bare"
        yield f"empty {name}", Case(name, lambda: b"", "empty", container)


def _wrapped() -> Iterator[tuple[str, Case]]:
    for container in ("ova", "docker", "compressed"):
        yield f"{container} that is a disk", Case("qcow2", disks.qcow2, "qcow2", container)
        yield f"{container} that is text", Case("raw", lambda: b"text" * 99, "raw", container)
    yield (
        "compressed that is a tar archive",
        Case("raw", lambda: disks.tar("a", b"b"), "raw", "compressed"),
    )


HOSTILE: dict[str, Case] = {
    **{
        f"{disk_format}: {name}": Case(disk_format, make, reason)
        for disk_format, cases in _FORMATS.items()
        for name, make, reason in cases()
    },
    **dict(_pairs()),
    **dict(_truncated()),
    **dict(_empty()),
    **dict(_wrapped()),
}
