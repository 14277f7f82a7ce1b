/** A text that begins with a capital, as it stands where a sentence begins. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
