"""What holds an agent to its permissions, whatever else its blueprint says."""

from agent_backends.client.permission import held_to
from runtime_client.wire import JsonObject


def test_what_a_blueprint_lets_pass_unasked_it_lets_pass_for_itself_and_not_for_those_above() -> None:
    options: JsonObject = {"allowed_tools": ["Bash"], "setting_sources": ["project"], "effort": "low"}

    assert held_to(options, "ask", "permission_mode") == {**options, "permission": "ask"}
    for word, said in (("ask", "ask"), ("deny", "reject")):
        held = held_to({**options, "permission_mode": "plan"}, word, "permission_mode", from_above=True)
        assert held == {"effort": "low", "permission": said}
