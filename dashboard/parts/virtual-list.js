/**
 * A list that draws only what can be seen, so that 50,000 rows are as quick as 50.
 * Rows may have any height: it is guessed until a row has been drawn once, then measured. Whatever grows above the
 * first visible row does not move it; a list that stands at its end stays there.
 */
import { Component, h, html } from "../browser/ui.js";

const OVERSCAN_PX = 600;

/** Remembers the heights of rows by key, and where each row begins. */
export class Heights {
  #known = new Map();
  #heights = new Float64Array(1);
  #tops = new Float64Array(2);
  #count = 0;
  #guess;

  constructor(guess) {
    this.#guess = guess;
  }

  get total() {
    return this.#tops[this.#count];
  }

  lay(items, keyOf) {
    this.#count = items.length;
    if (this.#heights.length < items.length) {
      this.#heights = new Float64Array(items.length * 2);
      this.#tops = new Float64Array(items.length * 2 + 1);
    }
    for (let index = 0; index < items.length; index += 1) this.#heights[index] = this.#known.get(keyOf(items[index])) ?? this.#guess;
    this.#pile(0);
  }

  /** Takes the measured heights of rows, each with its index and key; returns whether anything was otherwise. */
  measure(rows) {
    let from = this.#count;
    for (const { index, key, height } of rows) {
      if (height === 0 || index >= this.#count || Math.abs((this.#known.get(key) ?? -1) - height) < 0.1) continue;
      this.#known.set(key, height);
      this.#heights[index] = height;
      from = Math.min(from, index);
    }
    if (from < this.#count) this.#pile(from);
    return from < this.#count;
  }

  #pile(from) {
    let top = from === 0 ? 0 : this.#tops[from];
    for (let index = from; index < this.#count; index += 1) {
      this.#tops[index] = top;
      top += this.#heights[index];
    }
    this.#tops[this.#count] = top;
  }

  top(index) {
    return this.#tops[index];
  }

  /** The row at a distance from the beginning. */
  at(offset) {
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#tops[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }
}

/**
 * Props: `items`, `keyOf(item)`, `draw(item, index)`, `guess` (px), `label`, `role`, `stickToEnd`, `onStart`, `onEnd`
 * (called when the beginning or the end comes near), `before` and `after` (elements that scroll with the rows),
 * `handle` (a ref that gets this list: one called `ref` is let go of when the list draws itself anew),
 * `place` (an object in which the reader's place is kept, for when the list is drawn anew).
 */
export class VirtualList extends Component {
  constructor(props) {
    super(props);
    this.heights = new Heights(props.guess);
    this.heights.lay(props.items, props.keyOf);
    this.anchor = props.place?.anchor ?? null;
    this.placed = 0;
    this.head = 0;
    this.atEnd = Boolean(props.stickToEnd);
    this.observer = new ResizeObserver(() => this.#measure());
    this.watched = new Set();
    this.state = { first: 0, last: Math.min(props.items.length, 40) };
  }

  componentDidMount() {
    if (this.props.handle) this.props.handle.current = this;
    this.sizes = new ResizeObserver(() => this.#restore());
    this.sizes.observe(this.box);
    this.#restore();
  }

  componentWillUnmount() {
    if (this.props.handle) this.props.handle.current = null;
    this.observer.disconnect();
    this.sizes.disconnect();
  }

  /** Rows that came before the visible ones move these on, so that they are kept and not drawn anew. */
  componentWillReceiveProps({ items, keyOf }) {
    if (items === this.props.items) return;
    this.heights.lay(items, keyOf);
    const index = this.anchor ? this.#indexOf(this.anchor, items, keyOf) : -1;
    const by = index - (this.anchor?.index ?? index);
    if (index < 0 || by === 0) return;
    this.anchor = { ...this.anchor, index };
    this.setState(({ first, last }) => ({ first: Math.max(0, first + by), last: Math.max(0, last + by) }));
  }

  componentDidUpdate(before) {
    if (before.items !== this.props.items || before.before !== this.props.before) this.#restore();
    else this.#watch();
  }

  toIndex(index) {
    this.atEnd = false;
    this.anchor = { index, key: this.props.keyOf(this.props.items[index]), inside: 0 };
    this.#restore();
  }

  toEnd() {
    this.atEnd = true;
    this.anchor = null;
    this.#restore();
  }

  /** Puts the view back where the reader was, after rows have come, gone or changed their heights. */
  #restore() {
    if (!this.box) return;
    this.head = this.space.offsetTop;
    this.space.style.height = `${this.heights.total}px`;
    if (this.atEnd) this.#place(this.box.scrollHeight);
    else if (this.anchor) this.#holdAnchor();
    this.#look();
    this.#watch();
  }

  #indexOf({ index, key }, items, keyOf) {
    return items[index] && keyOf(items[index]) === key ? index : items.findIndex((item) => keyOf(item) === key);
  }

  #holdAnchor() {
    const index = this.#indexOf(this.anchor, this.props.items, this.props.keyOf);
    if (index < 0) return;
    const wanted = this.heights.top(index) + this.anchor.inside + this.head;
    if (Math.abs(wanted - this.box.scrollTop) >= 1) this.#place(wanted);
  }

  #place(scrollTop) {
    this.box.scrollTop = scrollTop;
    this.placed = this.box.scrollTop;
  }

  /** Rows are measured as soon as they are drawn, so that nothing is painted where it will not stay. */
  #measure() {
    const { items, keyOf } = this.props;
    const { first } = this.state;
    const rows = [...this.window.children]
      .slice(0, items.length - first)
      .map((element, place) => {
        const index = first + place;
        return { index, key: keyOf(items[index]), height: element.getBoundingClientRect().height };
      });
    if (this.heights.measure(rows)) this.#restore();
  }

  #watch() {
    const drawn = new Set(this.window.children);
    for (const element of this.watched) {
      if (drawn.has(element)) continue;
      this.observer.unobserve(element);
      this.watched.delete(element);
    }
    const fresh = [...drawn].filter((element) => !this.watched.has(element));
    for (const element of fresh) {
      this.observer.observe(element);
      this.watched.add(element);
    }
    if (fresh.length) this.#measure();
  }

  #scrolled = () => {
    // A browser reports scrolling in the next frame, and by then the list may have been taken down.
    if (!this.box) return;
    const { scrollTop, clientHeight, scrollHeight } = this.box;
    // Rows that turn out taller than they were thought move the end away; only a reader leaves it.
    const own = this.atEnd && Math.abs(scrollTop - this.placed) < 1;
    this.atEnd = own || (Boolean(this.props.stickToEnd) && scrollHeight - scrollTop - clientHeight < 24);
    this.props.onAtEnd?.(this.atEnd);
    this.#look();
  };

  /** Works out which rows can be seen, and draws again if they are others than before. */
  #look() {
    const { items, keyOf, onStart, onEnd } = this.props;
    const top = this.box.scrollTop - this.head;
    const bottom = top + this.box.clientHeight;
    const visible = this.heights.at(top);
    if (!items.length) return;
    // The first row that is seen whole: one that is cut off above may yet turn out to be of another height.
    const cut = this.heights.top(visible) < top && visible + 1 < items.length && this.heights.top(visible + 1) < bottom;
    const index = cut ? visible + 1 : visible;
    this.anchor = { index, key: keyOf(items[index]), inside: top - this.heights.top(index) };
    if (this.props.place) this.props.place.anchor = this.anchor;
    const first = this.heights.at(top - OVERSCAN_PX);
    const last = Math.min(items.length, this.heights.at(bottom + OVERSCAN_PX) + 1);
    if (first !== this.state.first || last !== this.state.last) this.setState({ first, last });
    if (top < OVERSCAN_PX) onStart?.();
    if (bottom > this.heights.total - OVERSCAN_PX) onEnd?.();
  }

  render({ items, keyOf, draw, label, role = "list", before, after, className = "" }, { first, last }) {
    const shown = items.slice(first, Math.min(last, items.length));
    return html`<div class=${`scroll vl ${className}`} ref=${(box) => (this.box = box)} onScroll=${this.#scrolled}
      tabindex="0" role="region" aria-label=${label}>
      ${before}
      <div class="vl-space" ref=${(space) => (this.space = space)}>
        <div class="vl-window" role=${items.length ? role : undefined} ref=${(window) => (this.window = window)}
          style=${{ transform: `translateY(${this.heights.top(first) || 0}px)` }}>
          ${shown.map((item, index) => h(Row, { key: keyOf(item), item, index: first + index, draw }))}
        </div>
      </div>
      ${after}
    </div>`;
  }
}

/** A row is drawn again only if its item, or what draws it, is another one. */
class Row extends Component {
  shouldComponentUpdate(next) {
    return next.item !== this.props.item || next.draw !== this.props.draw || next.index !== this.props.index;
  }

  render({ item, index, draw }) {
    return draw(item, index);
  }
}
