"""Keep attempts: run what was granted, watch it, obey its limits, end its tree, record its end.

The keeper outlives launchers. It decides here and acts through its host, so that a simulation can run it as it is.
"""

from __future__ import annotations

import heapq

from lib.keeper import verdicts, words
from lib.keeper.containment import Containment
from lib.keeper.held import Held, Phase, ordered, remember
from lib.keeper.host import Host
from lib.keeper.journal import Journal
from lib.keeper.ladder import Ladder
from lib.keeper.spawn import NoProcessError, SpawnError
from lib.keeper.words import JsonObject, number_of, object_of, objects_of

# Room for the small records that follow an order; what they may hold is bounded.
RECORDS_BYTES_RESERVED = 4096
NO_PROCESS_PAUSE_SECONDS, NO_PROCESS_PAUSE_SECONDS_MAX = 0.25, 5.0
# It counts as running and does not run: nobody should have to look at that for long.
NO_PROCESS_SECONDS_MAX = 60.0
CODE_COMES_WITHIN_SECONDS = 3.0
HEAR_ONCE_MORE_SECONDS = 0.01
LIVES_AGAIN_SECONDS = 30.0
DISK_AGAIN_SECONDS = 1.0


class Keeper:
    """Holds attempts, each for itself; hears a launcher's words, and says what became of them.

    Shape:   `version` is that of its code, which may be older than the launcher's.
    """

    def __init__(self, host: Host, places: Containment, journal: Journal, version: str) -> None:
        self._host = host
        self._places = places
        self._journal = journal
        self._version = version
        self._held: dict[str, Held] = {}
        self._by_pid: dict[int, Held] = {}
        self._collected: dict[int, tuple[str, int]] = {}
        self._timers: list[tuple[float, int, Held]] = []
        self._timers_made = 0
        self._answers: list[JsonObject] = []
        self._has_new_ends = False
        self._is_disk_full = False
        self._ladder = Ladder(host, places, self._note_stop)

    def take_over(self) -> None:
        """Go on from the journal: adopt what lives, end what must not, and know what is over."""
        self._held = remember(self._journal.read())
        for held in list(self._held.values()):
            if held.phase is Phase.RUNNING:
                self._take_over(held)
        try:
            self._rewrite()
        except OSError:
            # The old one goes on, and what stands in it may not have been made durable before its keeper died.
            self._is_disk_full = self._has_new_ends = True

    def hear(self, message: JsonObject) -> None:
        """Do what a launcher says; what is said twice, or of attempts that are not here, changes nothing."""
        key = str(message.get("key"))
        held = self._held.get(key)
        match message.get("say"):
            case words.HELLO:
                self._greet(message)
            case words.COLLECTED:
                self._take_code(message)
            case words.ORDER:
                self._order(key, held, message)
            case words.GO | words.STOP if held is None:
                self._say_that_it_is_not_here(key)
            case words.GO | words.STOP if held is not None and self._may_have_begun(held):
                self._end_by_reboot(held)
            case words.GO if held is not None and held.phase is Phase.ORDERED:
                self._try_to_spawn(held)
            case words.STOP if held is not None:
                self._stop(held, message)
            case words.DROP if held is not None and held.phase is Phase.ORDERED:
                self._forget(held)
            case words.ACKNOWLEDGE if held is not None and held.phase is Phase.ENDED:
                held.is_acknowledged = True
                self._forget_unless_it_lives(held)

    def look(self) -> None:
        """See what has ended and what is due."""
        self._see_ends()
        now = self._host.now()
        while self._timers and self._timers[0][0] <= now:
            due, _, held = heapq.heappop(self._timers)
            if held.next_due() == due:
                self._act(held, now)

    def seconds_to_wait(self) -> float | None:
        """How long nothing has to be looked at if nothing happens; None for any length."""
        while self._timers and self._timers[0][2].next_due() != self._timers[0][0]:
            heapq.heappop(self._timers)
        due = [self._timers[0][0] - self._host.now()] if self._timers else []
        if self._is_disk_full:
            due.append(DISK_AGAIN_SECONDS)
        return max(0.0, min(due)) if due else None

    def answers(self) -> list[JsonObject]:
        """Take what is to be said, after what it says is on the disk.

        A disk that takes nothing more loses no end: it waits in memory, and is said all the same.
        """
        try:
            self._journal.flush(is_durable=self._has_new_ends)
            self._has_new_ends = self._is_disk_full = False
            if self._journal.is_mostly_over():
                self._rewrite()
        except OSError:
            self._is_disk_full = True
        answers, self._answers = self._answers, []
        return answers

    def is_needed(self) -> bool:
        """Say whether something is here that nobody else would have: what runs, and an end that no disk has taken."""
        return self._has_new_ends or any(held.is_running() for held in self._held.values())

    def _rewrite(self) -> None:
        records = (record for held in self._held.values() for record in held.records())
        self._journal.rewrite(records, len(self._held) * RECORDS_BYTES_RESERVED)

    def _take_over(self, held: Held) -> None:
        held.place.is_ours = False
        if held.boot != self._host.boot_id:
            self._end_by_reboot(held)
            return
        is_alive = held.pid is not None and self._host.adopt(held.pid, held.start_time)
        if held.pid is not None and self._host.start_time(held.pid) not in ("", held.start_time):
            # A group keeps its number taken, so a stranger who has that number by now proves that it is gone.
            held.place.group = None
        if held.reason is not None:
            self._ladder.go_on(held, self._host.now())
        if held.pid is not None and is_alive:
            self._by_pid[held.pid] = held
            self._set_limits(held)
        else:
            held.is_over = True
            held.phase = Phase.ENDING
            self._clear(held, self._host.now())

    def _greet(self, message: JsonObject) -> None:
        environment = object_of(message.get("environment"))
        # A keeper of another version gets no new attempts.
        warm = objects_of(message.get("warm")) if message.get("version") == self._version else []
        self._host.begin_with({name: str(value) for name, value in environment.items()}, warm)
        for one in self._held.values():
            if one.phase is Phase.CLEARED:
                # Whoever speaks now may have collected its exit code, and could not say so before.
                self._schedule(one, self._host.now() + CODE_COMES_WITHIN_SECONDS)
        held = [one.to_json() for one in self._held.values()]
        # What was to be said before was for nobody, and the list has it all.
        self._answers.clear()
        self._say({"say": words.HELLO, "version": self._version, "way": self._places.way, "attempts": [*held]})

    def _take_code(self, message: JsonObject) -> None:
        pid, code = message.get("pid"), message.get("code")
        if not isinstance(pid, int) or not isinstance(code, int):
            return
        self._collected[pid] = (str(message.get("start_time")), code)
        for held in list(self._held.values()):
            if held.pid == pid and held.phase is Phase.CLEARED:
                self._conclude(held, self._host.now())

    def _order(self, key: str, held: Held | None, message: JsonObject) -> None:
        if held is not None:
            is_same = held.phase is Phase.ORDERED
            self._say(
                {"say": words.ORDERED, "key": key} if is_same else {"say": words.REFUSED, "key": key, "code": "here"}
            )
            return
        held = ordered(key, message, self._host.boot_id)
        if beside := self._living_beside(held):
            sentence = f"cannot start it: of an earlier attempt of its session {beside} cannot be ended, and lives"
            self._say({"say": words.REFUSED, "key": key, "code": "session_lives", "error": sentence})
            return
        try:
            self._host.make_output(held.launch)
            self._journal.append(held.record(words.RECORD_ORDERED))
            self._write_order()
        except OSError as error:
            sentence = f"cannot record the order: {error.strerror}"
            self._say({"say": words.REFUSED, "key": key, "code": "disk", "error": sentence})
            return
        self._held[key] = held
        self._say({"say": words.ORDERED, "key": key})

    def _write_order(self) -> None:
        try:
            self._journal.reserve((len(self._held) + 1) * RECORDS_BYTES_RESERVED)
            self._journal.flush()
        except OSError:
            self._journal.forget_unwritten()
            raise

    def _may_have_begun(self, held: Held) -> bool:
        # What was written before the machine went down may not be all that happened.
        return held.phase is Phase.ORDERED and held.boot != self._host.boot_id

    def _say_that_it_is_not_here(self, key: str) -> None:
        # A word to forget an older order of the same attempt can come late; whoever granted it must not wait for ever.
        sentence = "cannot start it: the keeper of jobs has no order of this attempt, and nothing of it ran"
        verdict = {**self._nothing_ran(), **verdicts.not_spawned("spawn_failed", sentence)}
        self._say({"say": words.ENDED, "key": key, "verdict": verdict})

    def _try_to_spawn(self, held: Held) -> None:
        now = self._host.now()
        try:
            held.place = self._places.make_place(held.key)
            self._journal.append(held.record(words.RECORD_GRANTED))
            self._journal.flush()
            held.pid = self._host.spawn(held.launch, held.place)
        except NoProcessError as error:
            self._wait_for_a_process(held, str(error), now)
        except SpawnError as error:
            self._end(held, verdicts.not_spawned(error.reason, str(error)))
        except OSError as error:
            self._wait_for_a_process(held, f"cannot record the grant: {error.strerror}", now)
        else:
            self._has_begun(held, now)

    def _wait_for_a_process(self, held: Held, sentence: str, now: float) -> None:
        self._places.is_empty(held.place, is_thorough=False)  # gives its cgroup back
        if held.waiting_since is None:
            held.waiting_since, held.pause = now, NO_PROCESS_PAUSE_SECONDS
        waited, limit = now - held.waiting_since, held.launch.timeout_seconds or NO_PROCESS_SECONDS_MAX
        if waited >= min(limit, NO_PROCESS_SECONDS_MAX):
            sentence = f"{sentence}; tried for {waited:.0f} s"
            self._end(held, verdicts.not_spawned("spawn_failed", sentence))
            return
        held.phase = Phase.WAITING
        self._say({"say": words.WAITING, "key": held.key, "error": sentence})
        self._schedule(held, now + held.pause)
        held.pause = min(NO_PROCESS_PAUSE_SECONDS_MAX, held.pause * 2)

    def _has_begun(self, held: Held, now: float) -> None:
        assert held.pid is not None
        held.began, held.started_at = now, self._host.wall_time()
        held.start_time = self._host.start_time(held.pid)
        held.launch.forget_the_command()
        self._by_pid[held.pid] = held
        # At once: until it is written, a keeper that takes over cannot tell this command from what it began.
        self._write_now(held.record(words.RECORD_SPAWNED))
        self._set_limits(held)

    def _set_limits(self, held: Held) -> None:
        held.phase = Phase.RUNNING
        now = self._host.now()
        began = held.began if held.began is not None else now
        held.ends_at = began + held.launch.timeout_seconds if held.launch.timeout_seconds else None
        self._ladder.watch_output(held, now)
        self._schedule(held)

    def _see_ends(self) -> None:
        for pid, code in self._host.ended():
            held = self._by_pid.pop(pid, None)
            if held is not None:
                self._command_ended(held, code)

    def _stop(self, held: Held, message: JsonObject) -> None:
        self._see_ends()  # a command that is over already was not stopped by this word
        reason = str(message.get("reason") or "stopped_by_user")
        grace_seconds = number_of(message.get("grace_seconds"), held.launch.stop_grace_seconds)
        if held.phase in (Phase.ORDERED, Phase.WAITING):
            self._end(held, {"reason": reason})
        elif held.phase in (Phase.RUNNING, Phase.ENDING):
            self._ladder.begin_stop(held, reason, grace_seconds, self._host.now())
            self._schedule(held, held.due)

    def _note_stop(self, held: Held) -> None:
        # Before it is asked: who takes over shall know why it ended.
        self._write_now(held.record(words.RECORD_STOPPING))

    def _write_now(self, record: JsonObject) -> None:
        self._journal.append(record)
        try:
            self._journal.flush()
        except OSError:
            self._is_disk_full = True

    def _command_ended(self, held: Held, code: int | None) -> None:
        held.is_over = True
        held.over_at = self._host.now()
        held.exit_code = code
        held.phase = Phase.ENDING
        self._clear(held, held.over_at)

    def _act(self, held: Held, now: float) -> None:
        if held.phase is Phase.WAITING:
            self._try_to_spawn(held)
        elif held.phase is Phase.RUNNING:
            if self._ladder.climb(held, now):
                held.phase = Phase.ENDING
                self._clear(held, now)
            else:
                self._schedule(held)
        elif held.phase is Phase.ENDING:
            self._clear(held, now)
        elif held.phase is Phase.CLEARED:
            self._conclude(held, now)
        elif held.is_acknowledged:
            self._forget_unless_it_lives(held)

    def _clear(self, held: Held, now: float) -> None:
        """End what is left of the tree; go on when nothing is, or when it has been tried for long enough."""
        again_at = self._ladder.clear(held, now)
        if again_at is not None:
            self._schedule(held, again_at)
            return
        held.phase = Phase.CLEARED
        held.due = None
        self._conclude(held, now)

    def _conclude(self, held: Held, now: float) -> None:
        """Give the verdict; wait a little for an exit code that someone else may have collected."""
        if held.exit_code is None and held.pid is not None:
            start_time, code = self._collected.get(held.pid, ("", 0))
            held.exit_code = code if start_time == held.start_time and start_time else None
        if held.exit_code is None and held.is_over and held.pid is not None:
            # Also with an outcome file: a command can still fail after it has left that.
            if held.due is None:
                self._schedule(held, now + CODE_COMES_WITHIN_SECONDS)
                return
            if now < held.due:
                return
            if not held.is_waited_for:
                # Whoever was held up for so long has its words still unread, and the code may be among them.
                held.is_waited_for = True
                self._schedule(held, now + HEAR_ONCE_MORE_SECONDS)
                return
        was_seen = held.exit_code is not None and held.over_at is not None
        outcome = {} if was_seen else self._host.read_outcome(held.launch)
        # A first note, which says nothing about an end, tells nothing of its time either.
        is_noted = held.over_at is None and "exit_code" in outcome
        noted_at = self._host.last_write(held.launch.outcome_path) if is_noted else None
        times = verdicts.times_of(held, now, self._host.wall_time(), noted_at)
        self._end(held, verdicts.of(held, outcome, times))

    def _end_by_reboot(self, held: Held) -> None:
        seen = (self._host.last_write(path) for path in (held.launch.outcome_path, held.launch.output_path))
        last_sign = max((at for at in seen if at is not None), default=None)
        self._end(held, verdicts.host_rebooted(held, self._host.wall_time(), last_sign))

    def _end(self, held: Held, verdict: JsonObject) -> None:
        held.phase = Phase.ENDED
        held.verdict = {**self._nothing_ran(), **verdict}
        held.launch.forget_the_command()
        if held.pid is not None and self._by_pid.get(held.pid) is held:
            del self._by_pid[held.pid]  # else the number is another attempt's by now
        self._journal.append(held.record(words.RECORD_ENDED))
        self._has_new_ends = True
        self._say({"say": words.ENDED, "key": held.key, "verdict": held.verdict})

    def _nothing_ran(self) -> JsonObject:
        """The times of what ends before anything of it ran."""
        return {"ended_at": self._host.wall_time(), "seconds": 0.0}

    def _living_beside(self, ordered: Held) -> str:
        """Name what lives of earlier attempts of a job's session although it was given up to end it."""
        living: list[str] = []
        for other in [held for held in self._held.values() if held.left_something]:
            self._forget_unless_it_lives(other)
            if other.key in self._held and other.job.get("session_name") == ordered.job.get("session_name"):
                living += self._places.named(other.place)
        return ", ".join(living)

    def _forget_unless_it_lives(self, held: Held) -> None:
        # What is forgotten is not known to the next order of its session.
        if held.left_something and not self._places.is_empty(held.place, is_thorough=True):
            self._places.kill(held.place)
            self._schedule(held, self._host.now() + LIVES_AGAIN_SECONDS)
        elif held.is_acknowledged:
            self._forget(held)

    def _forget(self, held: Held) -> None:
        del self._held[held.key]
        held.due = None
        self._journal.append(held.record(words.RECORD_ACKNOWLEDGED))

    def _say(self, answer: JsonObject) -> None:
        self._answers.append(answer)

    def _schedule(self, held: Held, due: float | None = None) -> None:
        held.due = due
        at = held.next_due()
        if at is not None:
            self._timers_made += 1
            heapq.heappush(self._timers, (at, self._timers_made, held))
