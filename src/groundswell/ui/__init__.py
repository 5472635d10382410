"""The design system: tokens, components, charts, formatting and the built page bundle."""
