"""The files of a workspace described for editors and readers, drawn from the Structs that load them.

kind         which files there are, and what each holds
comment      what the source says of a Struct's fields
schema       JSON Schema 2020-12 of a file, for editors (`# yaml-language-server: $schema=…`)
reference    the same as tables in Markdown
"""

from catalog.editor.kind import FILE_KINDS, FileKind
from catalog.editor.reference import reference, table
from catalog.editor.schema import editor_schema, extension_schema

__all__ = ["FILE_KINDS", "FileKind", "editor_schema", "extension_schema", "reference", "table"]
