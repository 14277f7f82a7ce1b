/** Reading again: many wishes in a short time become one reading, and none that comes while it reads is forgotten. */

/**
 * Makes the wish for a reading; what `read` throws is its own affair.
 * @param {() => Promise<unknown>} read
 * @param {number} waitMs  how long a wish waits for others that come with it
 */
export function onceSoon(read, waitMs) {
  let timer = 0;
  let wished = false;
  let ended = false;

  function wait() {
    timer = setTimeout(async () => {
      wished = false;
      try {
        await read();
      } finally {
        timer = 0;
        if (wished && !ended) wait();
      }
    }, waitMs);
  }

  function wish() {
    wished = true;
    if (!timer && !ended) wait();
  }

  wish.end = () => {
    ended = true;
    clearTimeout(timer);
  };
  return wish;
}
