"""Images that the tests deploy."""


def by_another_name(image: str) -> str:
    """The same image without its tag, which is another release."""
    repository, digest = image.split("@")
    return f"{repository.rpartition(':')[0]}@{digest}"
