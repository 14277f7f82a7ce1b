/** Tells a slip from a wish: a second press on the spot where one has just acted, too soon for anybody to have read on. */

const MOMENT_MS = 900;
const SPOT_PX = 24;

/** Makes the judge of presses; a press that is no slip is remembered as the last one. */
export function createPresses() {
  let last = null;

  return {
    isSlip({ timeStamp: at, clientX: x, clientY: y }) {
      if (last && at - last.at < MOMENT_MS && Math.hypot(x - last.x, y - last.y) < SPOT_PX) return true;
      last = { at, x, y };
      return false;
    },
  };
}
