"""What a command prints, and where."""

from __future__ import annotations

import pytest

from harness.system.output import Output

LINE = f"[bold]{'long ' * 40}[/] 12"


@pytest.mark.parametrize("as_json", [False, True])
def test_json_has_standard_output_to_itself(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines are printed as they are, and go to standard error beside JSON; without it none is printed."""
    output = Output.of(as_json=as_json)
    output.log(LINE)
    output.json("{}")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (("{}\n", f"{LINE}\n") if as_json else (f"{LINE}\n", ""))


def test_quiet_leaves_json(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else; a document that ends with a line break gets no other."""
    output = Output.of(as_json=True, quiet=True)
    output.log(LINE)
    output.json("{}\n")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("{}\n", "")
