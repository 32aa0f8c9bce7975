"""Languages by the file extensions that clients send as ``language``."""

_EXTENSIONS = {
    "c": "c h",
    "cpp": "cpp cc cxx hpp hh hxx h++ c++",
    "csharp": "cs razor cshtml c#",
    "css": "css scss sass less",
    "dart": "dart",
    "elixir": "ex exs",
    "go": "go golang",
    "html": "html htm",
    "java": "java",
    "javascript": "js jsx mjs cjs",
    "json": "json",
    "kotlin": "kt kts",
    "lua": "lua",
    "markdown": "md mdx",
    "php": "php",
    "python": "py pyi",
    "ruby": "rb",
    "rust": "rs",
    "scala": "scala sc",
    "shell": "sh bash",
    "sql": "sql",
    "svelte": "svelte",
    "swift": "swift",
    "toml": "toml",
    "typescript": "ts tsx mts cts",
    "vue": "vue",
    "xml": "xml",
    "yaml": "yml yaml",
}
NO_LANGUAGE = "none"
"""What an empty ``language`` is shown as."""

_BY_NAME = {name: language for language, names in _EXTENSIONS.items() for name in [language, *names.split()]}


def language_of(sent: str) -> str | None:
    """Return the language that an extension or a name stands for, or None if it is not known."""
    return _BY_NAME.get(sent.lower()) if sent else NO_LANGUAGE
