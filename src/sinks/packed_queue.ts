import { assert, Deque } from "../base/mod.ts";
import type { Packing, SinkItem } from "./sink.ts";

/** What waits, in order. */
export interface ItemQueue<Item> {
  readonly length: number;
  push(item: Item): void;
  /** Puts in front of all others. */
  unshift(item: Item): void;
  /** Takes the first one; undefined when there is none. */
  shift(): Item | undefined;
}

type OnSettled = SinkItem["onSettled"];

/** So many at the front stay as they are: a sink that keeps up never has more. */
const FRONT_MAX = 64;
const SEGMENT_BYTES = 64 * 1024;
/** In front of each content: its length, and which `onSettled` it has. */
const HEADER_BYTES = 8;

/** Contents behind each other; none is in two segments. */
interface Segment {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  start: number;
  end: number;
}

/**
 * A queue that may become long, and stay so: when a place is down what is for it waits for hours. Behind the first few
 * there are only bytes, in few and large pieces. Ten thousand items of three objects each would be looked at in every
 * collection of the garbage collector, while all the traffic stands still, and make it collect more often.
 */
export class PackedQueue<Item extends SinkItem> implements ItemQueue<Item> {
  readonly #packing: Packing<Item>;
  readonly #front = new Deque<Item>();
  readonly #segments = new Deque<Segment>();
  readonly #settlers = new Settlers();
  #packed = 0;

  constructor(packing: Packing<Item>) {
    this.#packing = packing;
  }

  get length(): number {
    return this.#front.length + this.#packed;
  }

  /** Memory for what is packed. */
  get heldBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#segments) sum += bytes.length;
    return sum;
  }

  push(item: Item): void {
    if (this.#packed === 0 && this.#front.length < FRONT_MAX) this.#front.push(item);
    else this.#pack(item);
  }

  unshift(item: Item): void {
    this.#front.unshift(item);
  }

  shift(): Item | undefined {
    return this.#front.shift() ?? this.#unpack();
  }

  #pack(item: Item): void {
    const content = this.#packing.contentOf(item);
    assert(content.length === item.bytes, "an item that is packed counts as its content");
    const segment = this.#segmentFor(HEADER_BYTES + content.length);
    segment.view.setUint32(segment.end, content.length);
    segment.view.setUint32(segment.end + 4, this.#settlers.add(item.onSettled));
    segment.bytes.set(content, segment.end + HEADER_BYTES);
    segment.end += HEADER_BYTES + content.length;
    this.#packed++;
  }

  #segmentFor(bytes: number): Segment {
    const last = this.#segments.at(this.#segments.length - 1);
    if (last !== undefined && last.end + bytes <= last.bytes.length) return last;
    const buffer = new ArrayBuffer(Math.max(bytes, SEGMENT_BYTES));
    const segment = { bytes: new Uint8Array(buffer), view: new DataView(buffer), start: 0, end: 0 };
    this.#segments.push(segment);
    return segment;
  }

  #unpack(): Item | undefined {
    const segment = this.#segments.at(0);
    if (segment === undefined) return undefined;
    const { bytes, view, start } = segment;
    const contentStart = start + HEADER_BYTES;
    segment.start = contentStart + view.getUint32(start);
    const content = bytes.slice(contentStart, segment.start);
    const onSettled = this.#settlers.take(view.getUint32(start + 4));
    if (segment.start === segment.end) this.#segments.shift();
    this.#packed--;
    return this.#packing.itemOf(content, onSettled);
  }
}

/** Functions by number. There are as many as there are different ones: usually one for whoever offers items. */
class Settlers {
  readonly #numbers = new Map<OnSettled, number>();
  readonly #functions: OnSettled[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  add(onSettled: OnSettled): number {
    const known = this.#numbers.get(onSettled);
    if (known !== undefined) {
      this.#uses[known] = (this.#uses[known] as number) + 1;
      return known;
    }
    const number = this.#free.pop() ?? this.#functions.length;
    this.#numbers.set(onSettled, number);
    this.#functions[number] = onSettled;
    this.#uses[number] = 1;
    return number;
  }

  /** Of one that was added; after the last use it is forgotten. */
  take(number: number): OnSettled {
    const onSettled = this.#functions[number];
    const uses = (this.#uses[number] as number) - 1;
    this.#uses[number] = uses;
    if (uses > 0) return onSettled;
    this.#numbers.delete(onSettled);
    this.#functions[number] = undefined;
    this.#free.push(number);
    return onSettled;
  }
}
