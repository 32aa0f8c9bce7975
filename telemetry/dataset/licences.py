"""Licences: an SPDX identifier such as ``CC-BY-4.0``, or the address of a text; nothing if none was chosen."""


def licence_address(licence: str) -> str:
    """Return where a licence can be read."""
    return licence if _is_address(licence) else f"https://spdx.org/licenses/{licence}.html"


def licence_tags(licence: str) -> dict[str, str]:
    """Return the tags for a licence in the head of a card, as Hugging Face names them."""
    if not licence:
        return {"license": "unknown"}
    if _is_address(licence):
        return {"license": "other", "license_name": "other", "license_link": licence}
    return {"license": licence.lower()}


def _is_address(licence: str) -> bool:
    return licence.startswith(("http://", "https://"))
