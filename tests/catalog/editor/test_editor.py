"""Editors and readers are told what the loader enforces."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import jsonschema
import pytest
import yaml

from catalog.editor import FILE_KINDS, editor_schema, extension_schema, reference
from catalog.editor.comment import field_comments
from catalog.editor.schema import structs
from catalog.inventory import FOLDERS
from catalog.template import EntityDefaults
from policies.builtin import BUILTIN

CONFIGS = {policy_id: kind.config_type for policy_id, kind in BUILTIN.items()}
LIBRARY = Path(__file__).parents[3] / "catalog" / "library"


def schema_of(kind):
    return editor_schema(kind, CONFIGS if kind.name == "policies" else None)


def problems(name: str, text: str) -> list[str]:
    kind = next(kind for kind in FILE_KINDS if kind.name == name)
    return [
        error.message for error in jsonschema.Draft202012Validator(schema_of(kind)).iter_errors(yaml.safe_load(text))
    ]


@pytest.mark.parametrize("kind", FILE_KINDS, ids=lambda kind: kind.name)
def test_each_schema_is_valid_json_schema(kind):
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))


def test_the_extension_has_a_schema_too():
    jsonschema.Draft202012Validator.check_schema(extension_schema())


def test_every_folder_of_a_workspace_is_described():
    assert {kind.path.split("/")[0] for kind in FILE_KINDS if "/" in kind.path} == set(FOLDERS)


@pytest.mark.parametrize("kind", FILE_KINDS, ids=lambda kind: kind.name)
def test_the_library_satisfies_what_editors_are_told(kind):
    files = [path for path in LIBRARY.rglob("*.yaml") if fnmatch(str(path.relative_to(LIBRARY)), kind.path)]
    validator = jsonschema.Draft202012Validator(schema_of(kind))
    for path in files:
        for document in yaml.safe_load_all(path.read_text()):
            assert [error.message for error in validator.iter_errors(document)] == [], path


def test_an_unknown_field_is_underlined():
    assert problems("entity", "{entity: a, name: A, region: eu, currency: EUR, colour: red}") != []


def test_an_entity_leaves_to_its_template_what_the_template_gives():
    assert problems("entity", "{entity: a, name: A, template: clinic}") == []
    assert problems("entity", "{entity: a, name: A}") != []


def test_the_config_is_the_one_of_the_policy_named():
    assert problems("policies", "[{name: r, policy: rate-limit, config: {limit: 5}}]") == []
    assert problems("policies", "[{name: r, policy: rate-limit, config: {leeway_s: 5}}]") != []
    assert problems("policies", "[{name: r, policy: no-such}]") != []


def test_rules_of_lint_are_known_by_name():
    assert problems("workspace", "{workspace: x, lint: {rules: {lists-are-paged: 'off'}}}") == []
    assert problems("workspace", "{workspace: x, lint: {rules: {list-are-paged: 'off'}}}") != []
    assert problems("workspace", "{workspace: x, lint: {rules: {lists-are-paged: loud}}}") != []
    assert problems("workspace", "{workspace: x, lint: {ignore: [{rule: nothing, file: f, reason: r}]}}") != []


def test_every_field_says_what_it_is():
    """A field without a comment on its line would be a blank in the reference and in every editor."""
    silent = []
    for kind in FILE_KINDS:
        for struct in structs(kind.type):
            if struct is EntityDefaults:  # its fields are the entity's
                continue
            known = field_comments(struct)
            silent += [f"{struct.__name__}.{name}" for name in struct.__struct_fields__ if name not in known]
    assert silent == []


def test_the_reference_has_a_section_for_each_kind_of_file():
    text = reference()
    assert [kind.name for kind in FILE_KINDS if f"## {kind.name}: `{kind.path}`" not in text] == []
