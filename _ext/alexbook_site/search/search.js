/* The book's search: it asks the index of _ext/alexbook_site/search. `Stemmer` stands before it. */
"use strict";

var bookSearch = (() => {
  const THOUSANDS = /(?<![\d.,])\d{1,3}(?:[,\u202f\u2009]\d{3})+(?!\d|,\d)/g, SPACED = /(?<![\d.,])\d{1,3}(?: \d{3})+(?!\d)/g;
  const SIZE = /(?<=\d)\s*[\u00d7x]\s*(?=\d)/g, TOKEN = /[a-z0-9]+(?:[._'+-]+[a-z0-9]+)*/g;
  const BRITISH = [[/isation/, "ization"], [/ise(s|d|r|rs)?$/, "ize$1"], [/ising$/, "izing"], [/yse(s|d|r)?$/, "yze$1"],
    [/ysing$/, "yzing"], [/(?<=..)our(s|ed|ing|al|ful)?$/, "or$1"], [/^grey/, "gray"], [/tre(s)?$/, "ter$1"],
    [/^(label|model|travel|cancel)l(ed|ing)$/, "$1$2"]];
  const DIGITS = Array.from({ length: 91 }, (_, at) => String.fromCharCode(35 + at)).filter((sign) => sign !== "\\").join("");
  const STEPS = 24, SHOWN = 10, AROUND = 210;
  const LIKE = { exact: 1, begun: 0.5, mistyped: 0.7 };
  const folder = document.currentScript.src.replace(/[^/]*$/, ""), root = folder.replace(/[^/]*\/$/, "");
  const stem = (word) => /^[a-z]+$/.test(word) ? new Stemmer().stemWord(word) : word;

  let book, stop, lines, idf;
  const texts = new Map(), loading = new Map();

  // As index.py takes text apart.
  const american = (word) => word.length > 4 ? BRITISH.reduce((now, [from, to]) => now.replace(from, to), word) : word;

  function parts(token) {
    if (/^\d+(x\d+)+$/.test(token)) {
      const sides = token.split("x");
      return [token, ...sides.length > 2 ? [sides.slice(0, 2).join("x")] : [], ...sides];
    }
    if (/^\d+(\.\d+)*(e[+-]?\d+)?$/.test(token)) return [token];
    const found = token.split(/[._'+-]+/).filter(Boolean);
    return found.length === 1 ? [token] : [found.join(""), ...found];
  }

  function words(text) {
    const plain = text.toLowerCase().replaceAll("\u2019", "'").normalize("NFKD").replace(/\p{M}/gu, "")
      .replace(THOUSANDS, (number) => number.replace(/\D/g, ""));
    return (plain.replace(SIZE, "x").match(TOKEN) ?? [])
      .flatMap((token) => parts(token.replace(/'s?$|'s\b/g, "")).map(american)).filter((word) => word && !stop.has(word));
  }

  function know(data, stopWords) {
    book = data;
    stop = new Set(stopWords);
    lines = new Map();
    data.words.forEach((line, at) => line.split(" ").forEach((word) => lines.set(word, at)));
    idf = [];
  }

  function postings(line) {
    const found = [], half = DIGITS.length / 2, code = book.where[line];
    for (let at = 0, place = -1; at < code.length; at += 1) {
      let gap = 0, digit = DIGITS.indexOf(code[at]);
      for (; digit >= half; at += 1, digit = DIGITS.indexOf(code[at])) gap = gap * half + digit - half;
      place += gap * half + digit + 1;
      at += 1;
      found.push([place, DIGITS.indexOf(code[at]) / STEPS]);
    }
    idf[line] = Math.log(1 + book.places.length / found.length);
    return found;
  }

  let stems;
  function sameStem(word) {
    stems ??= new Map(book.words.map((line, at) => [stem(line.split(" ")[0]), at]));
    return stems.get(stem(word));
  }

  // Whether one letter was left out, put in, replaced or exchanged with the next.
  function isNear(typed, known) {
    const longer = Math.max(typed.length, known.length);
    if (Math.abs(typed.length - known.length) > 1) return false;
    let from = 0, end = 0;
    while (from < longer && typed[from] === known[from]) from += 1;
    const left = Math.min(typed.length, known.length) - from;
    while (end < left && typed.at(-1 - end) === known.at(-1 - end)) end += 1;
    const one = typed.slice(from, typed.length - end), other = known.slice(from, known.length - end);
    return one.length <= 1 && other.length <= 1 || one.length === 2 && other.length === 2 && one[0] === other[1] && one[1] === other[0];
  }

  // The lines of the index that a word may mean, each with how well it fits.
  function meant(word, isLast) {
    const found = new Map(), exact = lines.get(word) ?? sameStem(word);
    if (exact !== undefined) found.set(exact, LIKE.exact);
    if (isLast && word.length > 2 && /[a-z]/.test(word)) {
      for (const [known, at] of lines) if (!found.has(at) && known.startsWith(word)) found.set(at, LIKE.begun * word.length / known.length);
    }
    if (!found.size && word.length > 4 && /^[a-z]+$/.test(word)) {
      for (const [known, at] of lines) if (/^[a-z]{4,}$/.test(known) && isNear(word, known)) found.set(at, LIKE.mistyped);
    }
    if (!found.size && word.length > 6) {
      for (let cut = 3; cut < word.length - 2; cut += 1) {
        const halves = [lines.get(word.slice(0, cut)), lines.get(word.slice(cut))];
        if (halves.every((half) => half !== undefined)) for (const half of halves) found.set(half, LIKE.mistyped / 2);
      }
    }
    return found;
  }

  // The places that fit, best first; the words that lead there; and those that are nowhere in the book.
  function find(query) {
    const asked = [...new Set(words(query.replace(SPACED, (number) => number.replaceAll(" ", ""))))];
    asked.push(...asked.slice(1).map((word, at) => asked[at] + word).filter((pair) => lines.has(pair) && !asked.includes(pair)));
    const isTyping = !/\s$/.test(query), scores = new Map(), used = new Set(), unknown = [];
    let total = 0;
    asked.forEach((word, at) => {
      const choices = meant(word, isTyping && at === asked.length - 1);
      if (!choices.size) return asked.some((other) => other !== word && word.includes(other)) || unknown.push(word);
      const best = new Map();
      let weight = 0;
      for (const [line, like] of choices) {
        used.add(line);
        for (const [place, says] of postings(line)) best.set(place, Math.max(best.get(place) ?? 0, idf[line] * like * says));
        weight = Math.max(weight, idf[line]);
      }
      total += weight;
      for (const [place, score] of best) {
        const known = scores.get(place) ?? [0, 0];
        scores.set(place, [known[0] + score, known[1] + weight]);
      }
      return true;
    });
    const places = [...scores].map(([place, [score, covered]]) =>
      ({ place, score: score * (covered / total) ** 1.5 * book.kinds[book.places[place][3]][1] }));
    places.sort((one, other) => other.score - one.score || one.place - other.place);
    return { places, used, unknown };
  }

  const load = (name) => new Promise((loaded, failed) => {
    const script = document.createElement("script");
    Object.assign(script, { src: folder + name, onload: loaded, onerror: failed });
    document.head.append(script);
  });

  async function textOf(place) {
    const page = book.places[place][0];
    if (!loading.has(page)) loading.set(page, load(`text-${page}.js`));
    await loading.get(page);
    return texts.get(page)?.[place] ?? "";
  }

  // The part of a text with the most of the words, as nodes, with the words marked.
  function excerpt(text, used) {
    const hits = [];
    for (const token of text.matchAll(/[\p{L}\p{N}]+(?:[.,_'\u2019+\u00d7-]+[\p{L}\p{N}]+)*/gu)) {
      const hit = words(token[0]).map((word) => lines.get(word)).find((line) => used.has(line));
      if (hit !== undefined) hits.push({ from: token.index, to: token.index + token[0].length, line: hit });
    }
    let start = 0, most = 0;
    for (const { from } of hits) {
      const worth = [...new Set(hits.filter((hit) => hit.from >= from && hit.to <= from + AROUND - 40).map((hit) => hit.line))]
        .reduce((sum, line) => sum + idf[line], 0);
      if (worth > most + 1e-9) [start, most] = [from, worth];
    }
    start = start < 60 ? 0 : text.indexOf(" ", start - 45) + 1;
    const cut = text.length > start + AROUND ? text.lastIndexOf(" ", start + AROUND) : text.length, nodes = [start ? "\u2026 " : ""];
    let at = start;
    for (const { from, to } of hits.filter((hit) => hit.from >= start && hit.to <= cut)) {
      const mark = document.createElement("mark");
      mark.textContent = text.slice(from, to);
      nodes.push(text.slice(at, from), mark);
      at = to;
    }
    return [...nodes, text.slice(at, cut), cut < text.length ? " \u2026" : ""];
  }

  const element = (tag, name, ...content) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...content);
    return made;
  };

  function result({ place }, used) {
    const [page, address, heading, kind] = book.places[place], [name, title] = book.pages[page], word = book.kinds[kind][0];
    const link = element("a", "", element("span", "found-page", title),
      ...address ? [element("span", "found-in", " \u203a "), heading] : []);
    link.href = `${root}${name}.html${address && `#${address}`}`;
    const text = element("p", "found-text");
    const item = element("li", "", link, ...word ? [" ", element("span", "found-kind", word)] : [], text);
    textOf(place).then((all) => text.append(...excerpt(all, used)));
    return item;
  }

  // Gives a search form its results, below it, while one types.
  function attach(form, into) {
    const field = form.elements.q, status = element("p", "found-status"), list = element("ol", "found");
    const more = element("button", "btn", "More places");
    status.setAttribute("role", "status");
    list.setAttribute("aria-label", "Places found");
    more.type = "button";
    into.replaceChildren(status, list, more);
    let rest = [], used, timer;
    const page = () => {
      const first = rest.splice(0, SHOWN).map((one) => result(one, used));
      list.append(...first);
      more.hidden = !rest.length;
      return first[0];
    };
    const show = () => {
      clearTimeout(timer);
      const query = field.value, asked = query.trim();
      const found = asked ? find(query) : { places: [], used: new Set(), unknown: [] };
      const best = found.places[0]?.score ?? 0;
      rest = found.places.filter((one) => one.score > best / 12);
      used = found.used;
      list.replaceChildren();
      const nowhere = found.unknown.length ? ` Not in the book: ${found.unknown.join(", ")}.` : "";
      status.textContent = !asked ? "" : rest.length ? `Places found: ${rest.length}.${nowhere}`
        : "Nothing in the book has these words. Check the spelling, or try other words.";
      page();
      into.dataset.query = query;
    };
    more.hidden = true;
    more.addEventListener("click", () => page().querySelector("a").focus());
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, 150); });
    into.addEventListener("keydown", move);
    field.addEventListener("keydown", move);
    function move(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const stops = [field, ...list.querySelectorAll("a")], next = stops[stops.indexOf(document.activeElement) + step];
      if (next) { next.focus(); event.preventDefault(); }
    }
    show();
    return show;
  }

  // On the search page, the address says what is asked.
  document.addEventListener("DOMContentLoaded", () => {
    const into = document.querySelector("main #search-results"), form = document.querySelector("main form.bd-search");
    if (!into) return;
    form.elements.q.value = new URLSearchParams(location.search).get("q") ?? "";
    const show = attach(form, into);
    form.elements.q.focus();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      history.replaceState(null, "", `?q=${new URLSearchParams([["", form.elements.q.value]]).toString().slice(1)}`);
      show();
    });
  });

  return { attach, find, know, read: (page, all) => texts.set(page, all), words,
    links: (query) => find(query).places.map(({ place }) => {
      const [page, address] = book.places[place];
      return `${book.pages[page][0]}${address && `#${address}`}`;
    }) };
})();
