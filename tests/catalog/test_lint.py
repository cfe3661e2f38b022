"""Lint rules: each has a golden that breaks it and one that keeps it; the built-in library keeps all of them."""

import json

import pytest

from catalog.errors import Invalid
from catalog.inventory import FOLDERS
from catalog.lint import RULES, examine, lint
from catalog.lint.stray import stray
from catalog.workspace import load, read_directory
from tests.catalog import lint as goldens
from tests.catalog.workspace import GOOD

BAD = goldens.golden("bad")
KEPT = goldens.golden("good")
OPENAPI = "contracts/stock/parcels/1.0.0/openapi.yaml"
WAYBILL = "waybill.yaml"


def found(files, folder):
    """(rule, file#pointer) of all that lint says of a workspace, or of what loading it refuses."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    read = read_directory(folder)
    try:
        told = examine(load(read), beside=stray(folder, read)).findings
    except Invalid as error:
        return [(problem.rule, f"{problem.file}#{problem.pointer}") for problem in error.problems]
    return [(finding.rule, f"{finding.problem.file}#{finding.problem.pointer}") for finding in told]


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_golden_gives_its_finding_at_its_place_and_no_other(rule, tmp_path):
    files, finds = goldens.read(BAD[rule])
    assert sorted((rule, place) for place in finds) == sorted(found(files, tmp_path))


@pytest.mark.parametrize("rule", KEPT)
def test_a_good_golden_gives_none(rule, tmp_path):
    files, _ = goldens.read(KEPT[rule])
    assert found(files, tmp_path) == []


def test_every_rule_has_both_goldens():
    """Ids are unique, and each rule is shown to find something and to leave something alone."""
    ids = sorted(rule.id for rule in RULES)
    assert ids == sorted(set(ids)) == sorted(BAD) == sorted(KEPT)


def test_a_rule_says_why_and_how():
    """Whole sentences why; a remedy that follows an arrow; an id of words."""
    for rule in RULES:
        assert rule.rationale[0].isupper() and rule.rationale.endswith("."), rule.id
        assert rule.remedy and not rule.remedy.endswith("."), rule.id
        assert (rule.check is None) == (rule.told_by != "lint"), rule.id


@pytest.mark.parametrize("workspace", [None, GOOD])
def test_what_is_good_is_clean(workspace, tmp_path):
    """The goldens' base gives no finding at all, the loader's good workspace no error and no warning."""
    if workspace is None:
        base = goldens.merged(goldens._parsed(goldens.HERE / "base.yaml"), {})
        assert found({name: json.dumps(content).encode() for name, content in base.items()}, tmp_path) == []
    else:
        told = lint(load(read_directory(workspace)))
        assert [finding for finding in told if finding.severity != "hint"] == []


def test_the_library_keeps_the_rules():
    """Nothing but hints is to be said of the built-in library (unbound as it is)."""
    workspace = load({"waybill.yaml": b"{workspace: x, include: [procure-to-pay]}"})
    told = {finding.rule for finding in lint(workspace, is_library_included=True) if finding.severity != "hint"}
    assert told == {"contract-bound"}
    assert lint(workspace) == []


@pytest.mark.parametrize(
    ("path", "old", "told"),
    [
        ("contracts/orders/purchases/contract.yaml", "steward: head-of-buying", ["steward-missing"]),
        ("schemas/money/schema.yaml", "owner: data-office, steward: treasurer,", ["owner-missing", "steward-missing"]),
        ("slos/purchases.yaml", "    waybill.dev/owner: procurement-integration\n", ["owner-missing"]),
        ("measures/own.yaml", ", steward: head-of-buying", ["steward-missing"]),
    ],
)
def test_somebody_answers_for_everything(path, old, told):
    """Contracts, schemas, objectives and measures name an owner and a steward; the finding names their file."""
    files = read_directory(GOOD)
    assert old.encode() in files[path]
    files[path] = files[path].replace(old.encode(), b"")
    errors = [finding for finding in lint(load(files)) if finding.severity == "error"]
    assert [(finding.rule, finding.problem.file) for finding in errors] == [(rule, path) for rule in told]


def test_a_schema_without_owners_is_told_where_it_is():
    """When there is no schema.yaml, the newest version's file is named."""
    files = read_directory(GOOD)
    del files["schemas/money/schema.yaml"]
    told = {(each.rule, each.problem.file) for each in lint(load(files)) if each.severity == "error"}
    place = "schemas/money/1.0.0.json"
    assert told == {("owner-missing", place), ("steward-missing", place)}


def test_what_nobody_reads_is_told(tmp_path):
    """Misspelt folders and settings, and folders of documents that belong to no kind; others are left alone."""
    for name in (
        *("waybill.yaml", "Waybill.yml", "entity/a.yaml", "policy/p.yaml", "entities/a.yaml", "systems.yaml"),
        *("extra/deep/b.json", "keys/jwks.json", ".waybill/c.json", "docs/readme.md", "README.md", "notes.yaml"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    told = stray(tmp_path, {"waybill.yaml", "entities/a.yaml", "keys/jwks.json"})
    assert {finding.severity for finding in told} == {"warning"}
    assert {finding.problem.file: finding.problem.remedy.partition(";")[0] for finding in told} == {
        "Waybill.yml": "did you mean waybill.yaml?",
        "entity/": "did you mean entities/?",
        "policy/": "did you mean policies/?",
        "systems.yaml": "put it into the folder systems/",
        "extra/": f"folders are {', '.join(FOLDERS)}",
    }


def examined(lint_settings=None, suppressed=None, at=("paths", "/parcels", "get")):
    """The lists-are-paged golden with settings in waybill.yaml and `x-waybill-lint` at a place of its document."""
    files, _ = goldens.read(BAD["lists-are-paged"])
    if lint_settings is not None:
        files[WAYBILL] = json.dumps({"workspace": "lint", "lint": lint_settings}).encode()
    if suppressed is not None:
        document = node = json.loads(files[OPENAPI])
        for token in at:
            node = node[token]
        node["x-waybill-lint"] = {"ignore": suppressed}
        files[OPENAPI] = json.dumps(document).encode()
    return examine(load(files))


@pytest.mark.parametrize("severity", ["hint", "warning", "error"])
def test_a_workspace_weighs_a_rule(severity):
    told = examined({"rules": {"lists-are-paged": severity}})
    assert [(finding.rule, finding.severity) for finding in told.findings] == [("lists-are-paged", severity)]


def test_a_rule_that_is_off_says_nothing():
    """Neither open nor suppressed; a suppression of it is not reproached with hiding nothing."""
    told = examined({"rules": {"lists-are-paged": "off"}}, [{"rule": "lists-are-paged", "reason": "Ten at most."}])
    assert (told.findings, told.suppressed) == ((), ())


@pytest.mark.parametrize("at", [(), ("paths",), ("paths", "/parcels"), ("paths", "/parcels", "get")])
def test_a_suppression_hides_at_its_place_and_below(at):
    """The finding is kept with its reason."""
    told = examined(None, [{"rule": "lists-are-paged", "reason": "Ten at most."}], at)
    assert told.findings == ()
    assert [(each.finding.rule, each.reason) for each in told.suppressed] == [("lists-are-paged", "Ten at most.")]


@pytest.mark.parametrize("at", [("paths", "/parcels", "post"), ("components",)])
def test_a_suppression_elsewhere_hides_nothing(at):
    told = examined(None, [{"rule": "lists-are-paged", "reason": "Ten at most."}], at)
    assert sorted(finding.rule for finding in told.findings) == ["lists-are-paged", "suppression-used"]


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ({"rule": "lists-are-paged"}, "suppression-reasoned"),
        ({"rule": "lists-are-paged", "reason": 1}, "suppression-reasoned"),
        ({"rule": "lists-are-paged", "reason": "x", "until": "never"}, "suppression-reasoned"),
        ("lists-are-paged", "suppression-reasoned"),
        ({"rule": "list-are-paged", "reason": "x"}, "suppression-used"),
    ],
)
def test_a_suppression_that_is_wrong_is_a_finding_and_hides_nothing(entry, rule):
    told = examined(None, [entry])
    assert sorted(finding.rule for finding in told.findings) == sorted(["lists-are-paged", rule])
    assert told.suppressed == ()


def test_a_misspelt_rule_of_a_suppression_gets_a_suggestion():
    told = examined(None, [{"rule": "list-are-paged", "reason": "x"}])
    assert "did you mean lists-are-paged?" in next(
        finding.problem.message for finding in told.findings if finding.rule == "suppression-used"
    )


@pytest.mark.parametrize(
    ("settings", "pointer", "remedy"),
    [
        ({"rules": {"list-are-paged": "off"}}, "/lint/rules/list-are-paged", "did you mean lists-are-paged?"),
        ({"rules": {"qqq": "off"}}, "/lint/rules/qqq", "`waybill reference` lists the rules"),
        ({"rules": {"operation-id-unique": "hint"}}, "/lint/rules/operation-id-unique", "remove it"),
        ({"rules": {"lists-are-paged": "loud"}}, "/lint/rules", "each value one of error, hint, off, warning"),
        ({"ignore": [{"rule": "x", "file": "f", "reason": "r"}]}, "/lint/ignore/0/rule", "`waybill reference`"),
        ({"ignore": [{"rule": "lists-are-paged", "file": "f"}]}, "/lint/ignore/0", ""),
    ],
)
def test_settings_that_name_nothing_are_refused(settings, pointer, remedy):
    with pytest.raises(Invalid) as refused:
        examined(settings)
    (problem,) = refused.value.problems
    assert (problem.file, problem.pointer) == (WAYBILL, pointer)
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("golden", "file", "rule"),
    [
        ("question-is-a-call", "contracts/stock/parcel-events/1.0.0/asyncapi.yaml", "question-is-a-call"),
        ("owner-missing", "schemas/money/schema.yaml", "owner-missing"),
    ],
)
def test_documents_of_events_say_it_themselves_and_other_files_in_the_settings(golden, file, rule):
    """AsyncAPI documents take the member anywhere; a schema.yaml has no place for it, waybill.yaml has."""
    files, _ = goldens.read(BAD[golden])
    if "asyncapi" in file:
        document = {**json.loads(files[file]), "x-waybill-lint": {"ignore": [{"rule": rule, "reason": "Agreed."}]}}
        files[file] = json.dumps(document).encode()
    else:
        ignore = [{"rule": rule, "file": file, "reason": "Agreed."}]
        files[WAYBILL] = json.dumps({"workspace": "lint", "lint": {"ignore": ignore}}).encode()
    told = examine(load(files))
    assert told.findings == ()
    assert [(each.finding.rule, each.reason) for each in told.suppressed] == [(rule, "Agreed.")]


def test_a_canonical_schema_lets_its_own_findings_stay():
    files, _ = goldens.read(KEPT["owner-missing"])
    schema = json.loads(files["schemas/money/1.0.0.json"])
    schema["properties"]["note"] = {"type": "string"}
    schema["x-waybill-lint"] = {"ignore": [{"rule": "strings-bounded", "reason": "Free text."}]}
    files["schemas/money/1.0.0.json"] = json.dumps(schema).encode()
    told = examine(load(files))
    assert (told.findings, len(told.suppressed)) == ((), 1)
