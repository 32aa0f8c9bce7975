"""Imports: events of another program or instance are judged, staged, appended to segments and counted."""
