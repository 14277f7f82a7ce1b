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


REMOVING = "Bash(rm:*)"


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        (REMOVING, ">/dev/null rm -rf x"),
        (REMOVING, "2>/dev/null rm -rf x"),
        (REMOVING, "2>&- rm x"),
        (REMOVING, "2>&1 rm x"),
        (REMOVING, "&>/dev/null rm x"),
        (REMOVING, ">! /dev/null rm x"),
        (REMOVING, ">! rm x"),
        (REMOVING, "{fd}>/dev/null rm x"),
        (REMOVING, '>"a b" rm x'),
        (REMOVING, "{>/dev/null rm x}"),
        (REMOVING, "bash <<<'rm x'"),
        (REMOVING, "cat <<END\nit's\nEND\n>/dev/null rm x"),
        (REMOVING, "# it's\n2>/dev/null rm x"),
        ("Bash(rm -rf:*)", "rm 2>/dev/null -rf /"),
        (PUSH, "git 2>/dev/null push"),
        (PUSH, "git &>/dev/null push"),
        (PUSH, "bash -c 'git 2>/dev/null push'"),
        (REMOVING, 'A="x y" rm -rf z'),
        (REMOVING, "A='x y' B=\\ z rm -rf z"),
        (REMOVING, "A+=1 rm x"),
        (REMOVING, "a[0]=1 rm x"),
        (REMOVING, "a[0 + 1]=1 rm x"),
        (REMOVING, "a=(1 2) rm x"),
        (REMOVING, "A=\u00a0x rm x"),
        (REMOVING, "A=$(date) rm x"),
        (REMOVING, 'A="$(date) x" rm x'),
        (REMOVING, "$(true) rm x"),
        (REMOVING, "rm$(true) x"),
        (PUSH, "git $(true) push"),
        (REMOVING, 'echo "$(A="x y" rm z)"'),
        (REMOVING, 'echo "`A="x y" rm z`"'),
        (REMOVING, "bash -c 'A=\"x y\" rm z'"),
        (REMOVING, f"env {'A=1 ' * 20}rm -rf z"),
        (REMOVING, f"env {'A=1 ' * 9000}rm -rf z"),
        (REMOVING, "coproc rm x"),
        (REMOVING, "trap 'rm x' EXIT"),
        (REMOVING, "trap '2>/dev/null rm x' EXIT"),
        (REMOVING, "{rm,-rf,z}"),
        (REMOVING, "r{m,} -rf z"),
        (REMOVING, "r{m..m} -rf z"),
        (REMOVING, "{,,rm} -rf z"),
        ("Bash(rm -rf z)", "{rm,{-rf,z}}"),
        (REMOVING, "bash -c '{rm,-rf,z}'"),
        (REMOVING, f"{'{a,b}' * 12} rm"),
        (REMOVING, f"{'{a,b}' * 30} rm"),
        (REMOVING, "$'\\x72\\155' x"),
        (REMOVING, "rm$'\\0x' x"),
        (REMOVING, "true " * 50_000),
    ],
)
def test_what_stands_before_or_within_a_command_hides_it_from_no_rule_that_denies(rule: str, command: str) -> None:
    assert denies(rule, "Bash", {"command": command})
    assert not allows(rule, "Bash", {"command": command})


@pytest.mark.parametrize(
    "command",
    [
        "git 2>/dev/null rm x",
        'A="x y" git rm z',
        'git commit -m "rm old files"',
        "git commit -m 'a, {rm,b}'",
        "mkdir -p src/{rm,mv/{a,b}}",
        "echo {1..10} x",
        "echo a >/dev/null # rm x",
        'curl -d \'{"a":{"b":[1,2],"c":{"d":3}}}\' x.example',
        'cat <<\'END\'\n{"a": {"b": 1}, "rm": 2}\nEND',
        "for n in {1..3}; do echo $n | tee f$n 2>&1; done",
    ],
)
def test_what_is_only_mentioned_is_not_denied(command: str) -> None:
    assert not denies(REMOVING, "Bash", {"command": command})


@pytest.mark.parametrize(
    ("command", "is_allowed"),
    [
        ("npm test", True),
        ("npm test -- -t 'adds (two) numbers'", True),
        ('npm test -- -t "adds (two) numbers"', True),
        ("npm test -- -t adds\\ \\(two\\)", True),
        ("npm test =(touch /x)", False),
        ("npm test *(e:'touch x':)", False),
        ("npm test 'a' *(e:'touch x':)", False),
        ("npm test $'a\\'' =(touch x) ''", False),
        ("npm test # '\nnpm test =(touch x) # '", False),
        ('npm test "a\nnpm test x" =(touch x) "b"', False),
        ('npm test "a\\" (" =(touch x)', False),
    ],
)
def test_a_bracket_outside_of_quotes_may_run_more_than_is_allowed(command: str, is_allowed: bool) -> None:
    assert allows("Bash(npm test:*)", "Bash", {"command": command}) is is_allowed


def test_a_rule_about_bash_is_about_what_a_monitor_runs_too() -> None:
    for rule in (REMOVING, "Bash"):
        assert denies(rule, "Monitor", {"command": "rm x"})
        assert allows(rule, "Monitor", {"command": "rm x"})
    assert not denies(REMOVING, "Monitor", {"command": "tail -f x"})
    assert denies("Monitor(rm:*)", "Monitor", {"command": "rm x"})
    assert not denies("Monitor(rm:*)", "Bash", {"command": "rm x"})


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
        ("Bash", {"Bash", "Monitor"}, {"BashOutput", "Read", "Edit"}),
        ("Bash(*)", {"Bash", "Monitor"}, {"BashOutput"}),
        ("Monitor", {"Monitor"}, {"Bash", "BashOutput"}),
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


@pytest.mark.parametrize(
    ("rule", "url", "is_denied", "is_allowed"),
    [
        ("a.example", "https://a.example", True, True),
        ("a.example", "HTTPS://A.example.:443?x#y", True, True),
        ("a.example.", "https://a.example/", True, True),
        ("a.example", "https://b.example/\uff0f@a.example", False, False),
        ("a.example", "https:a.example/", True, False),
        ("a.example", "https:/a.example", True, False),
        ("a.example", "https:///a.example", True, False),
        ("a.example", "//a.example", True, False),
        ("a.example", "https://a\u3002example/", True, False),
        ("a.example", "https://a\u00ad.example/", True, False),
        ("a.example", "https://a\t.example/", True, False),
        ("a.example", " https://a.example/", True, False),
        ("a.example", "https://%61.example/", True, False),
        ("a.example", "https://a.example\uff0f@evil.example/", True, False),
        ("a.example", "https://a.example\uff03@evil.example/", True, False),
        ("a.example", "https://me@a.example/", True, False),
        ("a.example", "https://a.example:80@evil.example/", True, False),
        ("a.example", "https://a..example/", True, False),
        ("a.example", "ftp://a.example/", True, False),
        ("127.0.0.1", "http://127.0.0.1:80/", True, True),
        ("127.0.0.1", "http://127.0.0.2/", False, False),
        ("127.0.0.1", "http://2130706433/", True, False),
        ("127.0.0.1", "http://127.1/", True, False),
        ("127.0.0.1", "http://0177.0.0.1/", True, False),
        ("127.0.0.1", "http://127.0.0.0x1/", True, False),
        ("169.254.169.254", "http://0xa9fea9fe/", True, False),
        ("::1", "http://[::1]:80/", True, True),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/", True, False),
        ("b\u00fccher.example", "https://xn--bcher-kva.example/", True, False),
        ("b\u00fccher.example", "https://b\u00fccher.example/", True, False),
        ("b\u00fccher.example", "https://a.example/", False, False),
    ],
)
def test_only_of_a_plain_address_it_is_known_which_host_it_names(
    rule: str, url: str, is_denied: bool, is_allowed: bool
) -> None:
    said: JsonObject = {"url": url}
    assert denies(f"WebFetch(domain:{rule})", "WebFetch", said) is is_denied
    assert allows(f"WebFetch(domain:{rule})", "WebFetch", said) is is_allowed


KEYS = "Read(~/.ssh/**)"


@pytest.mark.parametrize(
    ("rule", "tool", "path", "is_denied"),
    [
        (KEYS, "Grep", "/", True),
        (KEYS, "Grep", "/home", True),
        (KEYS, "Grep", "/home/", True),
        (KEYS, "Grep", "/Users", True),
        (KEYS, "Grep", "/home/me", True),
        (KEYS, "Grep", "/usr", False),
        (KEYS, "Grep", "/home/me/src", False),
        (KEYS, "Read", "/home", False),
        ("Read(//home/me/.ssh/**)", "Grep", "/home", True),
        ("Read(//home/me/.ssh/**)", "Grep", "/Users", False),
        ("Read(.env)", "Read", "/proc/self/cwd/.env", True),
        ("Read(.env)", "Read", "/proc/self/root", True),
        ("Read(.env)", "Read", "/proc/thread-self/cwd/.env", True),
        ("Read(.env)", "Read", "/proc/1/fd/3", True),
        ("Read(.env)", "Read", "/proc/1/task/1/cwd/.env", True),
        ("Read(.env)", "Read", "/x/..//proc/./self/cwd/../../../x", True),
        ("Read(.env)", "Read", "../proc/self/cwd/.env", True),
        ("Read(.env)", "Read", "/dev/fd/3", True),
        ("Read(.env)", "Read", "/dev/stdin", True),
        ("Read(.env)", "Read", "/proc/cpuinfo", False),
        ("Read(.env)", "Read", "/proc/self/status", False),
        ("Read(.env)", "Read", "/dev/null", False),
        ("Read(.env)", "Read", "/p/.ENV", True),
        ("Read(.ENV)", "Read", "/p/.env", True),
        (KEYS, "Read", "/users/me/.SSH/id", True),
        ("Read(caf\u00e9/**)", "Read", "/p/cafe\u0301/x", True),
        ("Read(cafe\u0301/**)", "Read", "/p/CAF\u00c9/x", True),
    ],
)
def test_a_file_is_denied_by_another_way_to_it_and_in_other_letters(
    rule: str, tool: str, path: str, is_denied: bool
) -> None:
    assert denies(rule, tool, {"path": path, "pattern": "x"}) is is_denied


@pytest.mark.parametrize("path", ["/p/A", "/proc/self/cwd/a", "/p/cafe\u0301", "/dev/fd/3"])
def test_a_path_is_allowed_only_letter_by_letter(path: str) -> None:
    for rule in ("Read(a)", "Read(caf\u00e9)", "Read(//proc/**)", "Read(//dev/**)"):
        assert not allows(rule, "Read", {"file_path": path})
