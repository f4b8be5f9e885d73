// Numbers and elements. Text only ever enters the page as text.

const DASH = "–";
const THIN = "\u202f";
const MINUS = "\u2212";
const formats = new Map();

function fixed(value, places) {
  if (!formats.has(places)) {
    formats.set(places, new Intl.NumberFormat("en-US", {minimumFractionDigits: places, maximumFractionDigits: places}));
  }
  return formats.get(places).format(value).replace(/^-(?=[0.,]*$)/, "").replace("-", MINUS);
}

function exponential(value, digits) {
  return value.toExponential(digits).replace("e+", "e").replaceAll("-", MINUS);
}

// Numbers are numbers; an undefined one is null, an infinite one text.
function guarded(write) {
  return (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return DASH;
    return typeof value === "number" ? write(value) : String(value);
  };
}

const writeNumber = {
  money: guarded((v) => (Math.abs(v) < 1e13 ? fixed(v, 2) : exponential(v, 4))),
  percent: guarded((v) => (Math.abs(v) < 1e9 ? fixed(100 * v, 2) : exponential(100 * v, 3)) + THIN + "%"),
  number: guarded((v) => {
    const size = Math.abs(v);
    if (size >= 1e9 || (size < 1e-6 && v !== 0)) return exponential(v, 3);
    return fixed(v, size >= 0.001 || v === 0 ? 3 : 6);
  }),
  count: guarded((v) => fixed(v, 0)),
  bars: guarded((v) => fixed(v, 0) + (Math.abs(v) === 1 ? " bar" : " bars")),
  points: guarded((v) => fixed(1e4 * v, 1)),
  price: guarded((v) => {
    const size = Math.abs(v);
    if (size >= 1e12 || (size > 0 && size < 1e-7)) return exponential(v, 5);
    return fixed(v, size >= 100 ? 2 : size >= 10 ? 3 : size >= 1 ? 4 : size >= 0.01 || size === 0 ? 5 : 8);
  }),
  quantity: guarded((v) => {
    const size = Math.abs(v);
    if (size >= 1e12 || (size > 0 && size < 1e-6)) return exponential(v, 4);
    if (Number.isInteger(v)) return fixed(v, 0);
    return fixed(v, size >= 1000 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 6);
  }),
};

// A writer that gives all numbers of a column the same number of decimals, by the size that is usual in it.
function columnWriter(values, sizes, otherwise) {
  const usual = values.filter((v) => typeof v === "number" && v !== 0).map(Math.abs).sort((a, b) => a - b);
  if (!usual.length) return otherwise;
  const middle = usual[usual.length >> 1];
  const count = usual.every(Number.isInteger) ? 0 : (sizes.find(([size]) => middle >= size) || sizes.at(-1))[1];
  const least = 10 ** (1 - count);
  return guarded((v) => ((Math.abs(v) < least && v !== 0) || Math.abs(v) >= 1e12 ? otherwise(v) : fixed(v, count)));
}

const PRICE_PLACES = [[50, 2], [5, 3], [0.2, 4], [0.01, 5], [0, 8]];
const NUMBER_PLACES = [[1000, 1], [50, 2], [0.2, 3], [0.02, 4], [0.002, 5], [0, 6]];
const QUANTITY_PLACES = [[10, 2], [1, 3], [0, 6]];

function signed(write) {
  return (value) => (typeof value === "number" && value > 0 ? "+" : "") + write(value);
}

// For an axis: as few digits as the step needs, thousands and millions by a letter.
function axisNumber(value, step) {
  if (Math.abs(value) < 1e-9 * step) return "0";
  const size = Math.max(Math.abs(value), step);
  if (size >= 1e15) return exponential(value, 1);
  for (const [unit, letter] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e4, "k"]]) {
    if (size >= unit) {
      const scale = unit === 1e4 ? 1e3 : unit;
      return fixed(value / scale, places(step / scale)) + letter;
    }
  }
  return fixed(value, places(step));
}

function places(step) {
  if (!(step > 0)) return 2;
  let count = 0;
  while (count < 8 && Math.abs(step * 10 ** count - Math.round(step * 10 ** count)) > 1e-6 * step * 10 ** count) count += 1;
  return count;
}

function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties || {})) {
    if (key === "text") node.textContent = value;
    else if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// A name that a user chose: its direction stays its own, and control characters do not act.
function named(text) {
  const shown = String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
  return el("bdi", {text: shown, title: shown.length > 24 ? shown : null});
}

function byId(id) {
  return document.getElementById(id);
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// A column as a list, from any of the forms in which columns.py writes it.
function expanded(column) {
  if (Array.isArray(column)) return column;
  if ("words" in column) return column.codes.map((code) => column.words[code]);
  if ("all" in column) return new Array(column.n).fill(column.all);
  let sum = 0;
  return column.steps.map((step) => (sum += step));
}

function expandedColumns(columns) {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, typeof column === "number" ? column : expanded(column)]));
}
