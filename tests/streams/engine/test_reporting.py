"""What the answers to a stage's books tell of Kafka, by a clock of its own."""

import asyncio

from streams.engine.reporting import AWAY_AFTER_BEATS, Reporting


def test_an_answer_is_measured_while_it_is_waited_for_and_after_it_came(caplog):
    async def scene():
        now_s, answered, sent = [100.0], asyncio.Event(), []

        async def send(books):
            sent.append(books)
            await answered.wait()

        reporting = Reporting(send, lambda: now_s[0])
        assert reporting.answer_s == 0.0
        reporting.beat(lambda: {"a": 1})
        for beat in range(1, AWAY_AFTER_BEATS + 1):
            now_s[0] += 1.0
            await asyncio.sleep(0)
            reporting.beat(lambda: {"a": 2})
            assert (reporting.answer_s, reporting.away) == (beat, beat == AWAY_AFTER_BEATS)
        answered.set()
        await asyncio.sleep(0.01)
        now_s[0] += 0.5
        assert reporting.answer_s == AWAY_AFTER_BEATS
        reporting.beat(lambda: {"a": 3})
        now_s[0] += 0.25
        await asyncio.sleep(0.01)
        assert (reporting.answer_s, reporting.away, sent) == (0.25, False, [{"a": 1}, {"a": 3}])

    asyncio.run(scene())
    assert [one.getMessage() for one in caplog.records] == ["Kafka does not answer; waiting for it", "Kafka is back"]
