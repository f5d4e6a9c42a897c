"""The service images: what production pulls from public registries, built here from distribution packages."""

from sandbox.images.build import ImageBuildError, Images, build_images, remove_images

__all__ = ["ImageBuildError", "Images", "build_images", "remove_images"]
