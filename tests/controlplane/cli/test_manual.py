"""Every command, none left out: its page, its example, its formats; and what it says to bad input."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.rich_utils

from controlplane.cli import manual, program
from controlplane.cli.program import PANELS, tree
from tests.controlplane.cli.conftest import run_waybill
from tests.controlplane.cli.test_program import is_readable

COMMANDS = dict(manual.walk(tree()))
LEAVES = {path: command for path, command in COMMANDS.items() if not getattr(command, "commands", None)}
#: run until they are stopped, or print text that is a file of its own
WITHOUT_RESULT = {("up",), ("serve",), ("gateway", "run"), ("completion",), ("reference",), ("contract", "changelog")}


def called(path: tuple[str, ...]) -> str:
    return " ".join(path) or "waybill"


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != ("gateway", "run")], ids=called)
def test_every_page_is_complete(path, capsys, monkeypatch) -> None:
    """What it does in one line, every argument and option explained, an example, the exit statuses, 100 columns."""
    monkeypatch.setattr(typer.rich_utils, "MAX_WIDTH", manual.WIDTH)
    command = COMMANDS[path]
    assert 10 < len(command.short_help) <= 100, command.short_help
    assert [parameter.name for parameter in command.params if not getattr(parameter, "help", None)] == []
    tree().main([*path, "--help"], prog_name="waybill", standalone_mode=False)
    page = capsys.readouterr().out
    assert "Example" in page and "Exit status: 0" in page
    assert max(len(line.rstrip()) for line in page.splitlines()) <= manual.WIDTH
    assert "\\[" not in page


def test_the_page_of_the_gateways_own_program_is_complete(tmp_path: Path) -> None:
    """`gateway run` shows what the gateway says of itself: every option explained, an example, the exit statuses."""
    page = run_waybill("gateway", "run", "--help", cwd=tmp_path, COLUMNS="100").stdout
    assert "Example" in page and "--state-dir" in page and "Exit status: 0" in page


def parsed(line: str, *more: str) -> tuple[tuple[str, ...], Any]:
    """The command that a line of the shell calls, and its parameters as they are read."""
    words = [*shlex.split(line.split(" > ")[0])[1:], *more]
    path: tuple[str, ...] = ()
    while words and words[0] in getattr(COMMANDS[path], "commands", {}):
        path = (*path, words.pop(0))
    return path, COMMANDS[path].make_context(called(path), words).params


@pytest.mark.parametrize("path", COMMANDS, ids=called)
def test_every_example_parses(path) -> None:
    """What a page shows can be typed: the command is its own or below it, arguments and options are right."""
    shown = manual.examples(COMMANDS[path])
    assert shown
    for example in shown:
        assert parsed(example)[0][: len(path)] == path


@pytest.mark.parametrize("path", [path for path in LEAVES if path not in WITHOUT_RESULT], ids=called)
def test_every_result_comes_as_json_too(path) -> None:
    """--format takes text and json and nothing else."""
    example = manual.examples(COMMANDS[path])[0]
    assert parsed(example, "--format", "json")[1]["output"] == "json"
    with pytest.raises(Exception, match=r"'text'.*'json'"):
        parsed(example, "--format", "yaml")


def test_the_overview_tells_the_tasks_in_order(tmp_path: Path) -> None:
    """Wide terminals do not make it wider."""
    page = run_waybill(cwd=tmp_path, COLUMNS="200").stdout
    places = [page.index(f"─ {panel} ─") for panel in PANELS]
    assert places == sorted(places)
    assert max(map(len, page.splitlines())) <= manual.WIDTH


AWAY = ("--url", "http://127.0.0.1:1", "--token", "wbt_none")


@pytest.fixture
def run_here(monkeypatch, capsys):
    """A command in this process, through the program's own entry: what the tables below ask for, without the time that
    hundreds of processes would take."""

    def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        for name in [name for name in os.environ if name.startswith("WAYBILL_")]:
            monkeypatch.delenv(name)
        for name, value in {"TERMINAL_WIDTH": "100", **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["waybill", *words])
        with pytest.raises(SystemExit) as ended:
            program.run()
        told = capsys.readouterr()
        return subprocess.CompletedProcess(words, ended.value.code or 0, told.out, told.err)

    return run


ASKING = [
    ("contract", "can-i-publish", "a.b@1.0.0", "--workspace", "w"),
    ("plan", "w"),
    ("apply", "w"),
    ("token", "list"),
    ("token", "create", "x", "--role", "admin"),
    ("token", "revoke", "x"),
    ("consumer", "key", "issue", "x"),
    ("consumer", "key", "rotate", "x"),
    ("consumer", "key", "list", "x"),
    ("consumer", "key", "revoke", "x", "y"),
    ("gateway", "token", "x"),
    ("gateway", "list"),
    ("gateway", "revoke", "x"),
    ("gateway", "rotate", "x"),
    ("approval", "list"),
    ("approval", "show", "x"),
    ("approval", "approve", "x"),
    ("approval", "reject", "x", "--comment", "no"),
    ("attention", "list"),
    ("attention", "settle", "x", "--as", "executed"),
    ("contract", "users", "x"),
    ("contract", "deprecate", "a.b@1.0.0"),
    ("contract", "shadow", "x@1.0.0"),
    ("audit", "list"),
    ("audit", "verify"),
]


def test_the_table_below_holds_every_command_that_asks_the_control_plane() -> None:
    asking = {path for path, command in LEAVES.items() if any("--url" in each.opts for each in command.params)}
    tabled = {path for path in asking if any(words[: len(path)] == path for words in ASKING)}
    assert asking - tabled - {("doctor",), ("impact",), ("contract", "test")} == set()  # these do without, and say so


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A directory with a workspace `w`, an empty directory `empty` and a file that is no workspace."""
    directory = tmp_path_factory.mktemp("place")
    assert run_waybill("init", "w", cwd=directory).returncode == 0
    (directory / "empty").mkdir()
    (directory / "broken").mkdir()
    (directory / "broken" / "waybill.yaml").write_text("workspace: [unclosed\n")
    return directory


@pytest.mark.parametrize("words", ASKING, ids=lambda words: " ".join(words[:3]))
def test_the_control_plane_is_away(words, place, run_here) -> None:
    """Status 1 and where it was looked for; an address that is none, and none at all: status 2 and what to do."""
    message = is_readable(run_here(*words, *AWAY, cwd=place), 1)
    assert "http://127.0.0.1:1" in message and "waybill up" in message and "Errno" not in message
    assert "http://127.0.0.1:8400" in is_readable(run_here(*words, "--url", "foo", "--token", "x", cwd=place), 2)
    assert "WAYBILL_TOKEN" in is_readable(run_here(*words, cwd=place), 2)


@pytest.mark.parametrize("words", ASKING, ids=lambda words: " ".join(words[:3]))
def test_the_token_is_wrong(words, server, place, run_here) -> None:
    """Status 1 and where tokens come from."""
    wrong = {"WAYBILL_URL": server[0].url, "WAYBILL_TOKEN": "wbt_00000000_nothing"}
    message = is_readable(run_here(*words, cwd=place, **wrong), 1)
    assert "token" in message and "--token" in message


BAD = [
    (("lint", "nowhere"), "nowhere"),
    (("lint", "empty"), "waybill init"),
    (("plan", "empty"), "waybill init"),
    (("apply", "nowhere"), "nowhere"),
    (("up", "empty"), "waybill init"),
    (("up", "broken"), "waybill.yaml"),
    (("init", "new", "--openapi", "nowhere.yaml", "--upstream", "http://127.0.0.1:9"), "nowhere.yaml"),
    (("init", "new", "--upstream", "http://127.0.0.1:9"), "--openapi"),
    (("demo", "verify", "nowhere"), "nowhere"),
    (("demo", "--report", "x"), "--duration"),
    (("demo", "--run-dir", "w"), "not empty"),
    (("serve", "--data-dir", "x", "--database-url", "mysql://x"), "postgresql://"),
    (("serve", "--data-dir", "x", "--database-url", "postgresql://me:pw@127.0.0.1:9/x"), "--database-url"),
    (("serve", "--data-dir", "x", "--database-url", "sqlite:////nowhere/at/all/x.sqlite3"), "--database-url"),
    (("serve", "--data-dir", "broken/waybill.yaml"), "waybill.yaml"),
    (("token", "create", "x", "--role", "admin", "--expires", "soon"), "30d"),
    (("token", "create", "x", "--role", "admin", "--expires", "999999999d"), "30d"),
    (("consumer", "key", "issue", "x", "--expires", "soon"), "30d"),
    (("consumer", "key", "rotate", "x", "--overlap", "soon"), "7d"),
]


@pytest.mark.parametrize(("words", "told"), BAD, ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_bad_input_is_one_message_with_what_to_do(words, told, place, run_here) -> None:
    needs_address = [*words] if words[0] not in ("token", "consumer") else [*words, *AWAY]
    runs = run_waybill if words[0] in ("serve", "up", "demo") else run_here  # servers change the process
    result = runs(*needs_address, cwd=place)
    assert result.returncode in (1, 2), result.stdout
    assert told in is_readable(result, result.returncode)


UNKNOWN = [
    (("token", "revoke", "zzzzzzzz"), "zzzzzzzz"),
    (("consumer", "key", "issue", "nobody"), "nobody"),
    (("consumer", "key", "list", "nobody"), "nobody"),
    (("consumer", "key", "rotate", "nobody"), "nobody"),
    (("consumer", "key", "revoke", "nobody", "zzzzzzzz"), "zzzzzzzz"),
    (("gateway", "revoke", "nothing"), "nothing"),
    (("gateway", "rotate", "nothing"), "nothing"),
    (("approval", "show", "nothing"), "nothing"),
    (("approval", "approve", "nothing"), "nothing"),
    (("approval", "reject", "nothing", "--comment", "no"), "nothing"),
    (("attention", "settle", "nothing", "--as", "executed"), "nothing"),
    (("audit", "verify", "--stream", "nothing/0/0"), "nothing/0/0"),
]


@pytest.mark.parametrize(
    ("words", "told"), UNKNOWN, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_an_unknown_name_is_told_by_name(words, told, server, place, run_here) -> None:
    known = {"WAYBILL_URL": server[0].url, "WAYBILL_TOKEN": server[1]}
    assert told in is_readable(run_here(*words, cwd=place, **known), 1)


def test_a_gateway_told_nonsense_says_so_in_one_message(tmp_path: Path) -> None:
    """`gateway run` hands its options to the gateway's own program."""
    for options in ([], ["--state-dir", "s", "--control-plane", "x", "--port", "many"]):
        result = run_waybill("gateway", "run", *options, cwd=tmp_path)
        assert result.returncode == 2 and "Traceback" not in result.stderr
        assert len(result.stderr.strip().splitlines()) <= 3


COMPLETE = """
eval "$(waybill completion bash)"
COMP_WORDS=({words})
COMP_CWORD={place}
_waybill_completion waybill
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("waybill", "to"), {"token"}),
        (("waybill", "consumer", "key", "r"), {"rotate", "revoke"}),
        (("waybill", "audit", "verify", "--str"), {"--stream"}),
        (("waybill", "token", "create", "x", "--role", "a"), {"approver", "architect", "admin"}),
        (("waybill", "consumer", "key", "issue", "ap"), {"ap-automation"}),
        (("waybill", "token", "create", "x", "--entity", ""), {"north", "south"}),
    ],
)
def test_bash_completes_commands_options_and_names(words, offered, place, tmp_path: Path) -> None:
    """A real bash with what `waybill completion bash` prints; ids come from the workspace it stands in."""
    quoted = " ".join(shlex.quote(word) for word in words)
    script = COMPLETE.format(words=quoted, place=len(words) - 1)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    result = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=place / "w", env={"PATH": path}, capture_output=True, text=True
    )
    assert result.stderr == "" and set(result.stdout.split()) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell, tmp_path: Path) -> None:
    """The script asks this program under the name that it listens to."""
    result = run_waybill("completion", shell, cwd=tmp_path)
    assert result.returncode == 0 and f"_WAYBILL_COMPLETE=complete_{shell}" in result.stdout
