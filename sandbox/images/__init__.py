"""The service images: what production pulls from public registries, built here from distribution packages."""

from sandbox.images.build import ImageBuildError, build_images, remove_images

__all__ = ["ImageBuildError", "build_images", "remove_images"]
