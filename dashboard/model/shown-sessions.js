/**
 * The sessions as they are shown: the newest that is known of each. An answer that was asked for before a session changed
 * may tell what was before, so it is not taken for that one; what changed is read again anyway.
 */

/** Keeps them in the store's `sessions`. */
export function createShownSessions({ store, now }) {
  const changedAt = new Map();
  let changes = 0;

  function learn(sessions) {
    const fresh = sessions.map((session) => [session.session_id, { ...session, readAt: now() }]);
    store.set((state) => ({ sessions: new Map([...state.sessions, ...fresh]) }));
    return sessions;
  }

  function mark(id) {
    changes += 1;
    changedAt.set(id, changes);
  }

  return {
    /** Gives what learns an answer that is asked for now, and says what of it was news. */
    asking() {
      const asked = changes;
      return (sessions) => learn(sessions.filter((session) => (changedAt.get(session.session_id) ?? 0) <= asked));
    },
    /** Shows what an event has made of one. */
    show(after) {
      mark(after.session_id);
      store.set((state) => ({ sessions: new Map(state.sessions).set(after.session_id, after) }));
    },
    /** Shows what one is about to be; no answer changes that, only an event does. */
    hope(session) {
      changedAt.set(session.session_id, Infinity);
      learn([session]);
    },
    hopeNoMore: mark,
    forget(id) {
      changedAt.delete(id);
      store.set((state) => ({ sessions: new Map([...state.sessions].filter(([known]) => known !== id)) }));
    },
  };
}
