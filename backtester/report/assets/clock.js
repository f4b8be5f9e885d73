// The clock: bar numbers become times, times become bar numbers, and an axis gets its ticks. All in UTC.

const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const STEPS = [
  ...[1, 2, 5, 15, 30].map((k) => ["s", k * 1000]),
  ...[1, 2, 5, 15, 30].map((k) => ["t", k * MINUTE]),
  ...[1, 3, 6, 12].map((k) => ["t", k * HOUR]),
  ...[1, 2, 7].map((k) => ["d", k * DAY]),
  ...[1, 3, 6].map((k) => ["m", k]),
  ...[1, 2, 5, 10, 25, 50, 100].map((k) => ["m", 12 * k]),
];

class Clock {
  constructor(data, daily) {
    this.n = data.n;
    this.exact = data.exact;
    this.daily = daily;
    this.steps = data.steps;
    this.bars = [0]; // first bar of each run
    this.times = [data.first];
    for (let k = 0; k < data.steps.length; k += 1) {
      this.bars.push(this.bars[k] + data.counts[k]);
      this.times.push(this.times[k] + data.counts[k] * data.steps[k]);
    }
  }

  at(bar) {
    const inside = Math.min(Math.max(Math.round(bar), 0), this.n - 1);
    const k = lastAtMost(this.bars, inside);
    return this.times[k] + (k < this.steps.length ? (inside - this.bars[k]) * this.steps[k] : 0);
  }

  // The first bar at or after a time; n if there is none.
  barFrom(time) {
    if (time <= this.times[0]) return 0;
    const k = lastAtMost(this.times, time);
    if (k >= this.steps.length) return time > this.times[k] ? this.n : this.n - 1;
    return this.bars[k] + Math.ceil((time - this.times[k]) / this.steps[k]);
  }

  label(bar) {
    if (bar === null || bar === undefined) return DASH;
    const text = new Date(this.at(bar)).toISOString();
    if (this.daily) return text.slice(0, 10);
    return text.slice(0, 10) + " " + text.slice(11, text.slice(17, 19) === "00" ? 16 : 19);
  }

  // At most about `most` ticks between two bars: [bar, label], at round times.
  ticks(lo, hi, most) {
    const first = this.at(Math.ceil(lo)), last = this.at(Math.floor(hi));
    const span = Math.max(last - first, 1);
    const fits = ([kind, size]) => span / (kind === "m" ? size * 30.4 * DAY : size) <= most;
    const [kind, size] = STEPS.find((step) => (!this.daily || step[1] >= DAY || step[0] === "m") && fits(step)) || STEPS.at(-1);
    const found = [];
    let before = null;
    for (const time of roundTimes(kind, size, first, last)) {
      const bar = this.barFrom(time);
      if (bar < lo || bar > hi || bar >= this.n) continue;
      if (found.length && found.at(-1)[0] === bar) found.pop();
      const shown = kind === "m" ? time : this.at(bar);
      found.push([bar, tickLabel(kind, size, shown, before)]);
      before = shown;
    }
    return found;
  }
}

// An axis of times, ms UTC, that are no bars.
const timeAxis = {
  exact: true,
  label(time) {
    const text = new Date(time).toISOString();
    return text.slice(11, 19) === "00:00:00" ? text.slice(0, 10) : text.slice(0, 10) + " " + text.slice(11, 16);
  },
  ticks(lo, hi, most) {
    const span = Math.max(hi - lo, 1);
    const fits = ([kind, size]) => span / (kind === "m" ? size * 30.4 * DAY : size) <= most;
    const [kind, size] = STEPS.find(fits) || STEPS.at(-1);
    let before = null;
    return [...roundTimes(kind, size, lo, hi)].map((time) => {
      const tick = [time, tickLabel(kind, size, time, before)];
      before = time;
      return tick;
    });
  },
};

// An axis of numbers; of whole ones no tick lies between two.
const numberAxis = (whole) => ({
  exact: true,
  label: (value) => fixed(value, whole || Math.abs(value) >= 1000 ? 0 : 3),
  ticks(lo, hi, most) {
    const nice = niceStep((hi - lo) / most);
    const step = whole && nice % 1 ? (nice > 2 ? 5 : 1) : nice;
    const found = [];
    for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * step; k += 1) found.push([k * step, axisNumber(k * step, step)]);
    return found;
  },
});

function* roundTimes(kind, size, first, last) {
  if (kind !== "m") {
    const origin = size === 7 * DAY ? 4 * DAY : 0; // weeks begin on Mondays
    for (let time = Math.ceil((first - origin) / size) * size + origin; time <= last; time += size) yield time;
    return;
  }
  const date = new Date(first);
  let month = Math.floor((12 * date.getUTCFullYear() + date.getUTCMonth()) / size) * size;
  for (;; month += size) {
    const time = Date.UTC(Math.floor(month / 12), month % 12);
    if (time > last) return;
    if (time >= first) yield time;
  }
}

function tickLabel(kind, size, time, before) {
  const date = new Date(time);
  const year = String(date.getUTCFullYear());
  if (kind === "m") {
    if (size >= 12) return year;
    return date.getUTCMonth() === 0 ? year : MONTHS[date.getUTCMonth()];
  }
  const day = date.getUTCDate() + " " + MONTHS[date.getUTCMonth()];
  if (kind === "d") {
    return before === null || new Date(before).getUTCFullYear() !== date.getUTCFullYear() ? day + " " + year : day;
  }
  const newDay = before === null || Math.floor(before / DAY) !== Math.floor(time / DAY);
  return newDay ? day : date.toISOString().slice(11, kind === "s" ? 19 : 16);
}

// The last position whose value is at most a given one, at least 0; values increase.
function lastAtMost(values, wanted) {
  let lo = 0, hi = values.length - 1;
  while (lo < hi) {
    const middle = (lo + hi + 1) >> 1;
    if (values[middle] <= wanted) lo = middle;
    else hi = middle - 1;
  }
  return lo;
}
