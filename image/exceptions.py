"""What can go wrong with images."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.exceptions import (
    BadRequest,
    CloudwebError,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    RequestTooLarge,
    UnsupportedMediaType,
)
from cloudweb.holdings import listed


class ImageNotFound(NotFound):
    """No such image, or none this caller may see."""

    code = "image_not_found"

    def __init__(self, image_id: object) -> None:
        super().__init__(f"No image found with ID {str(image_id)[:80]}.")


class ImageIdTaken(Conflict):
    """A client chose an id that another image has or had."""

    code = "image_id_taken"


class ImageConflict(Conflict):
    """The image's status does not allow this now."""

    code = "image_conflict"


class PropertyMissing(Conflict):
    """A patch replaces or removes a property that the image does not have."""

    code = "property_missing"


class ImageProtected(Forbidden):
    """A protected image is not deleted."""

    code = "image_protected"


class ImageInUse(Conflict):
    """Something that hangs on the image keeps it from being deleted."""

    code = "image_in_use"

    def __init__(self, image_id: object, *, holdings: Mapping[str, int]) -> None:
        super().__init__(f"Image {image_id} is in use by {listed(holdings)}.")


class AttributeForbidden(Forbidden):
    """An attribute that clients may not set, change or remove."""

    code = "attribute_forbidden"


class NotYourImage(Forbidden):
    """The image can be seen but belongs to another project."""

    code = "not_your_image"
    default_message = "You are not authorized to complete this action: the image is not your own."


class NotShared(Forbidden):
    """Members belong to images of visibility shared alone."""

    code = "image_not_shared"
    default_message = "Only shared images have members."


class MemberNotFound(NotFound):
    """The image is not shared with this project, or the caller may not know."""

    code = "member_not_found"

    def __init__(self, member_id: object) -> None:
        super().__init__(f"The image has no member {str(member_id)[:80]}.")


class MemberExists(Conflict):
    """The image is shared with this project already."""

    code = "member_exists"


class CopyNotFound(NotFound):
    """The image has no data in this store."""

    code = "image_copy_not_found"

    def __init__(self, image_id: object, store_id: str) -> None:
        super().__init__(f"Image {image_id} has no data in a store {store_id[:80]!r}.")


class NoImageCache(NotFound):
    """This cloud keeps no image cache."""

    code = "no_image_cache"
    default_message = "There is no image cache here (IMAGE_CACHE_SIZE is 0)."


class LastCopy(Forbidden):
    """The only copy of an image's data is removed with the image alone."""

    code = "last_image_copy"


class ImageDeactivated(Forbidden):
    """The image's data is withheld until it is reactivated."""

    code = "image_deactivated"
    default_message = "The image is deactivated; its data is not available."


class ImageGone(Gone):
    """The image was deleted while its data came in."""

    code = "image_gone"
    default_message = "The image was deleted while its data was being uploaded."


class TaskNotFound(NotFound):
    """No such task, or none of the caller's project."""

    code = "task_not_found"

    def __init__(self, task_id: str) -> None:
        super().__init__(f"No task found with ID {task_id[:80]}.")


class MetadefNotFound(NotFound):
    """No such namespace, or nothing of that name in it, or none this caller may see."""

    code = "metadef_not_found"

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"No metadata definition {noun} is named {name[:80]}.")


class MetadefExists(Conflict):
    """A namespace, or something in it, has this name already."""

    code = "metadef_exists"

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"A metadata definition {noun} is named {name[:80]} already.")


class MetadefProtected(Forbidden):
    """Nothing is deleted from a protected namespace."""

    code = "metadef_protected"


class TooManyDetails(RequestTooLarge):
    """More tags or properties than one image may carry."""

    code = "too_many_details"


class ImageTooLarge(RequestTooLarge):
    """More data than one image may have."""

    code = "image_too_large"


class ImageRefused(UnsupportedMediaType):
    """The data is not what was declared, or could reach outside itself; the message says why."""

    code = "image_refused"


class ImageEmpty(ImageRefused):
    """Not one byte of data came."""

    code = "image_empty"
    default_message = "The image data was refused: it is empty."


class ImageNotBootable(BadRequest):
    """No host can use the image in this role: a disk format hosts do not open, or no kernel."""

    code = "image_not_bootable"


class LengthRequired(CloudwebError):
    """A chunked body came through a server that cannot tell where it ends."""

    status = 411
    code = "length_required"
    default_message = "This server needs the Content-Length of the image data."


class RangeNotSatisfiable(CloudwebError):
    """A byte range that lies outside the data; ``size`` is the data's."""

    status = 416
    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"The range lies outside the image data ({size} bytes).")


class ImageNotConverted(UnsupportedMediaType):
    """The disk could not be turned into one that hosts open; the image is as it was."""

    code = "image_not_converted"
    default_message = "The disk could not be converted: it is damaged, or uses what no tool reads."
