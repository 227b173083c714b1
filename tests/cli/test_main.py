"""How the command line begins, and how it ends when something is wrong."""

import io
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from command_line import Run, python, start
from typer.main import get_command

from sparseattack import OracleError, __version__
from sparseattack.cli import main as module
from sparseattack.cli.commands import app
from sparseattack.errors import SparseattackWarning

COMMANDS = [
    command.name or command.callback.__name__ for command in app.registered_commands if command.callback
]


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_every_command_and_a_first_one_to_try(arguments: tuple[str, ...], run: Run) -> None:
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    for name in COMMANDS:
        assert f" {name} " in out
    assert "sparseattack demo" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, run: Run) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0 and f"sparseattack {name}" in out


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_a_help_page_of_80_columns_shows_every_word_whole(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = run(*name.split(), "--help").out
    usage = page.partition("Usage:")[2].partition("\n")[0]
    assert "\u2026" not in page and "<bool>" not in page and "{" not in usage
    command: Any = get_command(app)
    for each in (command.commands[name] if name else command).params:
        for word in (*each.opts, *each.secondary_opts, each.metavar or ""):
            assert each.param_type_name == "argument" or word in page, word


@pytest.mark.parametrize("name", ["train", "download"])
def test_help_pages_of_the_networks_fit_60_columns(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert "\u2026" not in run(name, "--help").out


def test_required_arguments_stand_bare_and_optional_ones_in_brackets(run: Run) -> None:
    assert "Usage: sparseattack show [OPTIONS] NAME " in run("show", "--help").out
    assert "Usage: sparseattack train [OPTIONS] [NETWORK] " in run("train", "--help").out


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").out == f"sparseattack {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("atack",), "No such command 'atack'. Did you mean 'attack'? (see sparseattack --help)"),
        (("--quiet",), "No such option: --quiet (see sparseattack --help)"),
        (("show",), "Missing argument 'NAME' (see sparseattack show --help)"),
        (("list", "--all"), "(see sparseattack list --help)"),
        (("compare", "--budget", "ten"), "'--budget': a whole number is needed, as in 100 (see"),
        (("attack", "sample[0]", "--device", "gpu"), "there is no device 'gpu' here, only cpu"),
        (("report", "no.study"), "there is no study no.study: `sparseattack compare` writes one"),
        (("attack", "none.png"), "only sample, digits, cifar10, or the path of a picture, a folder or a"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line(
    arguments: tuple[str, ...], words: str, run: Run
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and words in err
    assert err.startswith("sparseattack: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OracleError("it broke\nin two lines"), "it broke in two lines"),
        (OSError(28, "No space left on device", "made.png"), "made.png: No space left on device"),
    ],
)
def test_a_run_that_fails_is_one_line(
    error: Exception, words: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("sparseattack.plugins.catalogue.entries", failing)
    assert run("list") == (1, "", f"sparseattack: {words}\n")


def test_an_unexpected_error_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparseattack.plugins.catalogue.entries", int)
    with pytest.raises(ValueError, match="invalid literal"):  # a fault of this package
        module.main(["list"])


def test_files_of_the_working_directory_hide_no_library(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    code, out, err = python("from sparseattack.cli.main import main; main(['list', '--json'])", tmp_path)
    assert (code, err) == (0, "") and out.startswith("{")


@pytest.mark.parametrize("arguments", [["--version"], ["list"], ["list", "--json"]])
def test_a_pipe_that_closes_early_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    with start(tmp_path, *arguments) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (0, "")


def test_a_warning_of_this_package_is_one_line_and_another_names_its_file() -> None:
    ours = module.format_warning("it is slow", SparseattackWarning, "file.py", 3)
    theirs = module.format_warning("it is old", DeprecationWarning, "file.py", 3, "import old")
    assert ours == "sparseattack: it is slow\n"
    assert theirs == "file.py:3: DeprecationWarning: it is old\n  import old\n"


def test_commands_format_warnings_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    assert run("list").code == 0
    assert warnings.formatwarning is module.format_warning


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_the_terminals_encoding_cannot_hold_is_written_in_letters_that_it_has(
    encoding: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A name with an accent, a Chinese one, and one whose bytes are no text at all."""
    (tmp_path / "mine.py").write_text("search = 0\n")
    file = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file, encoding, errors="strict"))

    def entries(*_: object) -> list[object]:
        print("caf\xe9 \u732b \udcff")
        return []

    monkeypatch.setattr("sparseattack.plugins.catalogue.entries", entries)
    with pytest.raises(SystemExit) as ended:
        module.main(["list", "--json"])
    assert not ended.value.code
    expected = {
        "ascii": b"caf\\xe9 \\u732b",
        "latin-1": b"caf\xe9 \\u732b",
        "utf-8": "caf\xe9 \u732b".encode(),
    }
    assert file.getvalue().startswith(expected[encoding] + b" \\udcff\n")


SLOW_IMPORT = """
import signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            threading.Thread(target=signal.raise_signal, args=[signal.SIGINT]).start()
            time.sleep(5)
sys.meta_path.insert(0, Finder())
sys.argv = ["sparseattack", *{arguments!r}.split()]
from sparseattack.cli.main import main
main()
"""


@pytest.mark.parametrize("name", ["typer", "sparseattack.cli.commands", "sparseattack.cli.attack", "torch"])
def test_ctrl_c_in_the_first_moments_is_one_sentence(name: str, tmp_path: Path) -> None:
    code, out, err = python(SLOW_IMPORT.format(name=name, arguments="attack digits[0]"), tmp_path)
    assert (code, out, err) == (130, "", "sparseattack: interrupted\n")


def test_ctrl_c_while_a_library_is_kept_silent_is_one_sentence(tmp_path: Path) -> None:
    arguments = "compare -s random --images sample[0:40] --budget 100000 --study a.study"
    code, out, err = python(SLOW_IMPORT.format(name="torch._dynamo", arguments=arguments), tmp_path)
    assert (code, out, err) == (130, "", "sparseattack: interrupted\n")


def test_ctrl_c_is_left_ignored_where_a_shell_ignores_it(tmp_path: Path) -> None:
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    rest = "from sparseattack.cli.main import main\ntry: main()\nexcept SystemExit: pass\n"
    end = "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert python(f"{ignored}{rest}{end}", tmp_path).out.endswith("True\n")


def test_ctrl_c_between_imports_is_a_keyboard_interrupt_that_a_command_may_answer() -> None:
    usual = signal.getsignal(signal.SIGINT)
    try:
        module._end_at_interrupted_imports()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, usual)


@pytest.mark.parametrize("arguments", [("report", "~/x.db"), ("report", "--runs", "~root-of-nobody/x.db")])
def test_a_home_folder_is_expanded_in_an_argument(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", "/there")
    with pytest.raises(SystemExit):
        module.main(arguments)
    assert f"there is no study {arguments[-1].replace('~/', '/there/')}" in capsys.readouterr().err


def test_a_home_folder_is_expanded_in_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/there")
    written = ["--study=~/y.db", "de", "--images", "~/photos@32[0:5]", "--label=a~"]
    read = ["--study=/there/y.db", "de", "--images", "/there/photos@32[0:5]", "--label=a~"]
    assert [module._with_home(argument) for argument in written] == read
