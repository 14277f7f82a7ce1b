"""What a rule of a blueprint is about: an allowing one what it says, a denying one whatever a call might mean."""

import pytest

from agent_runtime.domain.json import JsonObject
from agent_runtime.domain.permission_rules import Call, fits, read_rule

SECRET, PUSH = "Read(secret/**)", "Bash(git push:*)"


def allows(rule: str, tool: str, said: JsonObject) -> bool:
    return fits(read_rule(rule), Call(tool, said, "/p"), wholly=True)


def denies(rule: str, tool: str, said: JsonObject) -> bool:
    return fits(read_rule(rule), Call(tool, said, "/p"), wholly=False)


@pytest.mark.parametrize(
    "command",
    [
        "git  push",
        "git\tpush origin",
        "git \\\n push",
        "echo $(git push)",
        "(git push)",
        "{ git push; }",
        "echo `git push`",
        "cat <(git push)",
        "A=1 B= git push",
        "sudo -u me git push",
        "env -i git push",
        "'git' pu\"sh\"",
        "$'git' $\"push\"",
        "g\\it pu\\\nsh",
        "bash -c 'git push origin main'",
        "if true; then git push; fi",
        "ls | xargs git push",
        "/usr/bin/git push",
        ";".join(["true"] * 20 + [f"echo {n}" for n in range(20_000)]),
    ],
)
def test_a_command_that_is_denied_is_denied_however_it_is_written(command: str) -> None:
    assert denies(PUSH, "Bash", {"command": command})
    assert not allows(PUSH, "Bash", {"command": command})


@pytest.mark.parametrize("command", ["git status", "git pushed", "echo gitpush", "git rm x", "make -j 4", ""])
def test_what_a_rule_does_not_name_it_does_not_deny(command: str) -> None:
    assert not denies(PUSH, "Bash", {"command": command})
    assert not denies("Bash(rm:*)", "Bash", {"command": command})


@pytest.mark.parametrize(
    ("rule", "tool", "said", "is_denied"),
    [
        (SECRET, "Read", {"file_path": "/p/x/../secret/key"}, True),
        (SECRET, "Read", {"file_path": "///p/secret/key"}, True),
        (SECRET, "Read", {"file_path": "/p/secrets/key"}, False),
        (SECRET, "Grep", {"pattern": "x"}, True),
        (SECRET, "Grep", {"pattern": "x", "path": "/p/secret"}, True),
        (SECRET, "Grep", {"pattern": "x", "path": "/p/src"}, False),
        (SECRET, "Glob", {"pattern": "secret/**"}, True),
        (SECRET, "Glob", {"pattern": "src/*"}, False),
        (SECRET, "Glob", {"pattern": "*", "path": "/p/secret"}, True),
        ("Read(src/own/**)", "Glob", {"pattern": "own/*", "path": "/p/src"}, True),
        ("Read(own/**)", "Glob", {"pattern": "own/*", "path": "/p/src"}, False),
        ("WebFetch(domain:a.example)", "WebFetch", {"url": "https://[a.example/x"}, True),
        ("Read(~/.ssh/**)", "Read", {"file_path": "/home/somebody/.ssh/id"}, True),
        ("Read(~/.ssh/**)", "Read", {"file_path": "~/.ssh/id"}, True),
        ("Read(//home/me/.ssh/**)", "Read", {"file_path": "~/.ssh/id"}, True),
        ("Read(//etc/**)", "Read", {"file_path": "~/../../etc/passwd"}, True),
        ("Read(//etc/**)", "Read", {"file_path": "~/a/../etc/passwd"}, False),
        ("Read(~/.ssh/**)", "Read", {"file_path": "~root/.ssh/id"}, True),
        ("Edit(**/*.lock)", "Write", {"paths": ["/p/a.txt", "/p/b/c.lock"]}, True),
        ("Edit(a*/b)", "Edit", {"file_path": "/p/ax/y/b"}, False),
        ("WebFetch(domain:a.example)", "WebFetch", {"url": "a.EXAMPLE./x"}, True),
        ("WebFetch(domain:a.example)", "WebFetch", {"url": "https://\uff41.example"}, True),
        ("WebFetch(domain:a.example)", "WebFetch", {"url": "https://b.example/a.example"}, False),
    ],
)
def test_a_file_or_a_host_is_denied_by_whatever_name(rule: str, tool: str, said: JsonObject, is_denied: bool) -> None:
    assert denies(rule, tool, said) is is_denied


@pytest.mark.parametrize(
    ("rule", "tool", "said", "is_allowed"),
    [
        ("Bash(git status:*)", "Bash", {"command": "git status -s && git status"}, True),
        ("Bash(git status:*)", "Bash", {"command": "git status; rm x"}, False),
        ("Bash(git status:*)", "Bash", {"command": "git status\nrm x"}, False),
        ("Bash(git status:*)", "Bash", {"command": "git status $(rm x)"}, False),
        ("Bash(git status:*)", "Bash", {"command": "git status `rm x`"}, False),
        ("Bash(git status:*)", "Bash", {"command": "git status > /etc/passwd"}, False),
        ("Bash(git status:*)", "Bash", {"command": "git statusx"}, False),
        ("Bash(git push * --dry-run * main)", "Bash", {"command": "git push -v --dry-run origin main"}, True),
        ("Bash(git push * --dry-run * main)", "Bash", {"command": "git push -v --force origin main"}, False),
        ("Bash(aa*aa)", "Bash", {"command": "aaa"}, False),
        ("Read(**)", "Read", {"file_path": "/p/a/b"}, True),
        ("Read(**)", "Grep", {"pattern": "x"}, True),
        ("Read(**)", "Read", {"file_path": "~/.ssh/id"}, False),
        ("Read(src/**)", "Glob", {"pattern": "/etc/*", "path": "/p/src"}, False),
        ("Read(src/**)", "Read", {}, False),
        ("Read(**)", "Read", {"file_path": "~/../p/key"}, False),
        ("Read(**)", "Read", {"file_path": "~root/key"}, False),
        ("Edit(src/**)", "Edit", {"file_path": "/p/src/a", "paths": ["/etc/a"]}, False),
        ("WebFetch(domain:a.example)", "WebFetch", {"url": "https://b.example\\@a.example/"}, False),
        ("WebFetch(domain:*.example)", "WebFetch", {"url": "https://a.example:8443/x"}, True),
        ("WebFetch(domain:a.example)", "WebFetch", {"url": "https://[a.example/x"}, False),
        ("WebFetch(domain:a.example)", "WebFetch", {}, False),
    ],
)
def test_only_what_is_named_is_allowed(rule: str, tool: str, said: JsonObject, is_allowed: bool) -> None:
    assert allows(rule, tool, said) is is_allowed


@pytest.mark.parametrize(
    ("rule", "fitting", "others"),
    [
        ("Bash", {"Bash"}, {"BashOutput", "Read", "Edit"}),
        ("Bash(*)", {"Bash"}, {"BashOutput"}),
        ("Read", {"Read", "NotebookRead", "Grep", "Glob", "LS"}, {"Bash", "Edit", "Write", "WebFetch"}),
        ("Edit", {"Edit", "Write", "MultiEdit", "NotebookEdit"}, {"Bash", "Read", "Grep"}),
        ("Write", {"Edit", "Write", "MultiEdit", "NotebookEdit"}, {"Bash", "Read"}),
        ("Grep", {"Grep"}, {"Read", "Glob"}),
        ("MultiEdit", {"MultiEdit"}, {"Edit", "Write"}),
        ("mcp__shop", {"mcp__shop__sell", "mcp__shop__a__b"}, {"mcp__shops__sell", "shop", "Bash"}),
        ("mcp__shop__sell", {"mcp__shop__sell"}, {"mcp__shop__sell_all", "mcp__shop__price"}),
        ("mcp__*", {"mcp__shop__sell", "mcp__a__b"}, {"Bash", "mcp"}),
        ("mcp__sh*", {"mcp__shop__sell"}, {"mcp__other__sell"}),
        ("mcp__*__sell", {"mcp__shop__sell"}, {"mcp__shop__price"}),
        ("Web*", {"WebFetch", "WebSearch"}, {"Bash"}),
        ("*", {"Bash", "mcp__a__b", "Anything"}, set()),
    ],
)
def test_a_rule_without_a_pattern_is_about_all_calls_of_its_tools_and_no_others(
    rule: str, fitting: set[str], others: set[str]
) -> None:
    given: tuple[JsonObject, ...] = ({}, {"command": "ls"})
    for said in given:
        assert {tool for tool in fitting | others if denies(rule, tool, said)} == fitting
        assert {tool for tool in fitting | others if allows(rule, tool, said)} == fitting


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("Bash( )", "a rule such as 'Bash'"),
        ("Bash(a:*b)", "stands at the end"),
        ("Bash(:*)", "stands at the end"),
        ("bash(ls)", "did you mean 'Bash'"),
        ("WebFetch(domain:)", "must name a domain"),
        ("Read(/etc/**)", "begins with one slash"),
        ("Read(~/../etc/**)", "leads out of a home"),
        ("Read(~root/.ssh/**)", "into that of somebody"),
        ("Task(x)", "takes no pattern"),
        ("mcp__shop(x)", "takes no pattern"),
    ],
)
def test_a_rule_that_could_never_fit_is_refused_with_a_sentence(rule: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_rule(rule)


def test_no_pattern_keeps_the_runtime_busy_for_years_with_what_an_agent_wrote() -> None:
    assert not denies(f"Bash({'*a' * 200})", "Bash", {"command": f"{'a' * 100_000}b"})
    assert not denies(f"Edit({'**/a' * 100})", "Edit", {"file_path": f"/p/{'a/' * 1500}b"})
    assert denies("Edit(x)", "Edit", {"file_path": "a/" * 500_000}), "no file is called so"
