/**
 * A list that draws only what can be seen, so that 50,000 rows are as quick as 50.
 * Rows may have any height: it is guessed until a row has been drawn once, then measured. Whatever grows above the
 * first visible row does not move it; a list that stands at its end stays there.
 */
import { Component, h, html } from "../ui.js";

const OVERSCAN_PX = 600;

/** Remembers the heights of rows by key, and where each row begins. */
export class Heights {
  #known = new Map();
  #tops = new Float64Array(1);
  #keys = [];
  #guess;

  constructor(guess) {
    this.#guess = guess;
  }

  get total() {
    return this.#tops[this.#keys.length];
  }

  lay(keys) {
    this.#keys = keys;
    if (this.#tops.length <= keys.length) this.#tops = new Float64Array(keys.length * 2 + 1);
    let top = 0;
    for (let index = 0; index < keys.length; index += 1) {
      this.#tops[index] = top;
      top += this.#known.get(keys[index]) ?? this.#guess;
    }
    this.#tops[keys.length] = top;
  }

  measure(key, height) {
    if (height === 0 || Math.abs((this.#known.get(key) ?? -1) - height) < 0.5) return false;
    this.#known.set(key, height);
    return true;
  }

  top(index) {
    return this.#tops[index];
  }

  /** The row at a distance from the beginning. */
  at(offset) {
    let low = 0;
    let high = this.#keys.length - 1;
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
 * (called when the beginning or the end comes near), `before` and `after` (elements that scroll with the rows).
 */
export class VirtualList extends Component {
  constructor(props) {
    super(props);
    this.heights = new Heights(props.guess);
    this.anchor = null;
    this.atEnd = Boolean(props.stickToEnd);
    this.observer = new ResizeObserver((entries) => this.#measured(entries));
    this.watched = new Map();
    this.state = { first: 0, last: Math.min(props.items.length, 40) };
  }

  componentDidMount() {
    this.sizes = new ResizeObserver(() => this.#settle());
    this.sizes.observe(this.box);
    this.#settle();
  }

  componentWillUnmount() {
    this.observer.disconnect();
    this.sizes.disconnect();
  }

  componentDidUpdate(before) {
    if (before.items !== this.props.items || before.before !== this.props.before) this.#settle();
    else this.#watch();
  }

  /** Brings a row into view: used by the keyboard. */
  reveal(index) {
    if (!this.box) return;
    const top = this.heights.top(index) + this.#headHeight();
    const bottom = this.heights.top(index + 1) + this.#headHeight();
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (bottom > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = bottom - this.box.clientHeight;
  }

  toEnd() {
    this.atEnd = true;
    this.anchor = null;
    this.#settle();
  }

  toStart() {
    this.atEnd = false;
    this.anchor = null;
    if (!this.box) return;
    this.box.scrollTop = 0;
    this.#look();
  }

  #headHeight() {
    return this.space ? this.space.offsetTop : 0;
  }

  /** Lays the rows out anew and puts the view back where the reader was. */
  #settle() {
    if (!this.box) return;
    this.heights.lay(this.props.items.map(this.props.keyOf));
    this.space.style.height = `${this.heights.total}px`;
    if (this.atEnd) this.box.scrollTop = this.box.scrollHeight;
    else if (this.anchor) this.#holdAnchor();
    this.#look();
    this.#watch();
  }

  #holdAnchor() {
    let index = this.anchor.index;
    const { items, keyOf } = this.props;
    if (!items[index] || keyOf(items[index]) !== this.anchor.key) index = items.findIndex((item) => keyOf(item) === this.anchor.key);
    if (index < 0) return;
    const wanted = this.heights.top(index) + this.anchor.inside;
    if (Math.abs(wanted - this.box.scrollTop) >= 1) this.box.scrollTop = wanted;
  }

  #measured(entries) {
    let changed = false;
    for (const { target } of entries) {
      const key = this.watched.get(target);
      if (key !== undefined && target.isConnected) changed = this.heights.measure(key, target.offsetHeight) || changed;
    }
    if (changed) this.#settle();
  }

  #watch() {
    const drawn = new Set(this.window.children);
    for (const element of this.watched.keys()) {
      if (drawn.has(element)) continue;
      this.observer.unobserve(element);
      this.watched.delete(element);
    }
    const { items, keyOf } = this.props;
    [...drawn].forEach((element, index) => {
      const item = items[this.state.first + index];
      if (!item) return;
      if (!this.watched.has(element)) this.observer.observe(element);
      this.watched.set(element, keyOf(item));
    });
  }

  #scrolled = () => {
    // A browser tells of scrolling in the next frame, and by then the list may have been taken down.
    if (!this.box) return;
    const { scrollTop, clientHeight, scrollHeight } = this.box;
    this.atEnd = Boolean(this.props.stickToEnd) && scrollHeight - scrollTop - clientHeight < 24;
    this.props.onAtEnd?.(this.atEnd);
    this.#look();
  };

  /** Works out which rows can be seen, and draws again if they are others than before. */
  #look() {
    const { items, keyOf, onStart, onEnd } = this.props;
    const top = this.box.scrollTop - this.#headHeight();
    const bottom = top + this.box.clientHeight;
    const visible = this.heights.at(top);
    if (items.length) this.anchor = { index: visible, key: keyOf(items[visible]), inside: this.box.scrollTop - this.heights.top(visible) };
    const first = this.heights.at(top - OVERSCAN_PX);
    const last = Math.min(items.length, this.heights.at(bottom + OVERSCAN_PX) + 1);
    if (first !== this.state.first || last !== this.state.last) this.setState({ first, last });
    if (top < OVERSCAN_PX) onStart?.();
    if (bottom > this.heights.total - OVERSCAN_PX) onEnd?.();
  }

  render({ items, keyOf, draw, label, role = "list", before, after, className = "" }, { first, last }) {
    const shown = items.slice(first, Math.min(last, items.length));
    return html`<div class=${`scroll vl ${className}`} ref=${(box) => (this.box = box)} onScroll=${this.#scrolled} tabindex="0" role="region" aria-label=${label}>
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
