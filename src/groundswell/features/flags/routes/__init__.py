"""The JSON API of flags."""

from groundswell.features.flags.routes import changes, environments, flags, waiting

ROUTES = (*flags.ROUTES, *changes.ROUTES, *waiting.ROUTES, *environments.ROUTES)
