"""What became of held alarms is asked for place by place, few at once, in Chromium."""

from __future__ import annotations

ASK = """async ({ lost, fails }) => {
    const { HeldAlarms } = await import("/assets/wall/alarm_held.js");
    const asked = [], real = window.fetch;
    let now = 0, most = 0, changes = 0;
    window.fetch = async (url) => {
        most = Math.max(most, ++now);
        asked.push(new URL(url, location.href).searchParams.get("entity"));
        await new Promise((resolve) => setTimeout(resolve));
        now -= 1;
        return { ok: !fails, statusText: "no", json: async () => ({ alarms: [{ id: "a0", wall: { id: "a0" } }] }) };
    };
    const held = new HeldAlarms(() => (changes += 1));
    await held.need(lost);
    window.fetch = real;
    return { asked: [...asked].sort(), most, changes, old: held.old, rows: [...held.rows] };
}"""
LOST = [{"id": f"a{n}", "entity": f"e{n % 12}", "kind_id": "slow_traffic"} for n in range(60)]


def test_of_sixty_held_alarms_at_twelve_places_each_place_is_asked_for_once_two_at_a_time(open_page):
    found = open_page("lang=en").evaluate(ASK, {"lost": LOST, "fails": False})
    assert found["asked"] == sorted(f"e{n}" for n in range(12))
    assert (found["most"], found["changes"], found["old"]) == (2, 1, False)
    assert found["rows"][0] == ["a0", {"id": "a0"}]
    assert dict(map(tuple, found["rows"][1:])) == {f"a{n}": None for n in range(1, 60)}


def test_where_the_server_does_not_answer_it_is_asked_no_more_for_now(open_page):
    found = open_page("lang=en").evaluate(ASK, {"lost": LOST, "fails": True})
    assert (len(found["asked"]), found["rows"], found["old"]) == (2, [], True)
