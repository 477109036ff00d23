// The stations in view, asked for when the map comes to rest: where there are too many to tell apart, how many there are
// where; else all of them, page by page.

import { get } from "/web/api.js";

const PAGE = 500;
const PAUSE_MS = 250;
// A page of full stations is some hundred kilobytes: riders pay for them, and far out nobody can tell them apart.
const pagesAt = (zoom) => (zoom < 8 ? 1 : 4);
// Half a finger's width: the map makes groups of what is closer together than that, and no square is seen as one.
const SQUARE_PX = 32;
const WORLD_PX = 512; // at zoom 0
const [NARROWEST_DEG, WIDEST_DEG] = [0.0005, 10]; // as the server takes them

export class InView {
  #show;
  #timer;
  #flight;
  #whole = null;

  /** `show({view, features, cells, total, complete, loading, error})` is called with all that is known so far of a view:
   * its stations in `features`, or, where they are too many, in `cells` how many there are where. Either may be null. */
  constructor(show) {
    this.#show = show;
  }

  /** The map rests at `zoom` and shows `box`; `filters` is a query string. Whether all of it is known already. */
  look(view, filters) {
    clearTimeout(this.#timer);
    this.#flight?.abort();
    if (this.#covers(view, filters)) return true;
    this.#timer = setTimeout(() => this.#load(view, filters).catch((error) => {
      if (error.name !== "AbortError") this.#show({ view, features: [], complete: false, loading: false, error });
    }), PAUSE_MS);
    return false;
  }

  /** Whether what is shown already holds everything in `box`. */
  #covers({ box, zoom }, filters) {
    const whole = this.#whole;
    return whole && whole.filters === filters && (whole.zoom ?? Math.round(zoom)) === Math.round(zoom)
      && whole.box[0] <= box[0] && whole.box[1] <= box[1] && whole.box[2] >= box[2] && whole.box[3] >= box[3];
  }

  async #load(view, filters) {
    const { zoom, box } = view;
    const { signal } = (this.#flight = new AbortController());
    const bbox = box.map((degrees, index) => clamp(degrees, index % 2 ? 90 : 180).toFixed(5)).join(",");
    const asked = `bbox=${bbox}${filters && `&${filters}`}`;
    this.#whole = null;
    this.#show({ view, loading: true });
    const cell = Math.min(WIDEST_DEG, Math.max(NARROWEST_DEG, (360 * SQUARE_PX) / (WORLD_PX * 2 ** Math.round(zoom))));
    const counted = await get(`/v1/stations/cells?${asked}&cell_deg=${cell}`, signal);
    if (counted.stations > PAGE * pagesAt(zoom)) {
      this.#whole = { box, filters, zoom: Math.round(zoom) };
      this.#show({ view, cells: counted.features, total: counted.stations, complete: true });
      return;
    }
    const features = [];
    let next = `/v1/stations?${asked}&limit=${PAGE}`;
    for (let page = 0; next && page < pagesAt(zoom); page++) {
      const answer = await get(next, signal);
      features.push(...answer.features);
      next = nextOf(answer);
      if (next && page + 1 < pagesAt(zoom)) this.#show({ view, features, complete: false, loading: true });
    }
    if (!next) this.#whole = { box, filters };
    this.#show({ view, features, complete: !next });
  }
}

/** The path of the next page: behind a proxy the server may not know its own name. */
function nextOf(answer) {
  const link = answer.links.find(({ rel }) => rel === "next");
  if (!link) return null;
  const { pathname, search } = new URL(link.href, location.href);
  return pathname + search;
}

const clamp = (value, most) => Math.min(most, Math.max(-most, value));
