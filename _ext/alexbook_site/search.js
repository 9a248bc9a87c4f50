/* Part of the search page alone: what Sphinx's search leaves out. It travels at the end of language_data.js, which the
   page loads after searchtools.js and before the search begins. */
{
  // Sphinx indexes numbers, but drops them from what is asked for; in this book 227 is worth asking for.
  const parse = Search._parseQuery;
  Search._parseQuery = query => {
    const parsed = parse(query);
    const [, terms, , highlighted] = parsed;
    for (const word of splitQuery(query).filter(word => /^\d+$/.test(word))) {
      terms.add(word);
      highlighted.add(word);
    }
    return parsed;
  };

  // Sphinx looks words up in plain objects, which also have a "constructor": its tables get no words but their own.
  const own = Object.create(null, { hasOwnProperty: { value: Object.prototype.hasOwnProperty } });
  const setIndex = Search.setIndex;
  Search.setIndex = index => {
    for (const table of [index.terms, index.titleterms]) Object.setPrototypeOf(table, own);
    setIndex(index);
  };

  // Of places that fit equally well the glossary comes first, which says what a word means, then chapters in their order.
  Scorer.score = ([page, , , , score]) => {
    const chapter = page.match(/^chapters\/(\d+)/);
    return score + (page === "glossary" ? 0.2 : chapter ? (100 - chapter[1]) / 1000 : 0);
  };

  // What is shown of a page: no raw formulas; of the glossary, the definition.
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const unread = page.querySelectorAll(".headerlink, script, style, div.math");
    for (const part of unread) part.remove();
    const place = page.querySelector(`[role=main] ${anchor}`) ?? page.querySelector("[role=main]");
    return place.tagName === "DT" ? `${place.textContent}: ${place.nextElementSibling.textContent}` : place.textContent;
  };

  // The theme gives the keyboard to the first search field of the page, which is hidden in a dialog.
  document.addEventListener("DOMContentLoaded", () => document.querySelector("main form.bd-search input")?.focus());

  // A section without text has no summary; a page opened from a file may not read other pages.
  const summarize = Search.makeSearchSummary;
  Search.makeSearchSummary = (...page) => summarize(...page) ?? document.createTextNode("");
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // Screen readers hear how it ended, in words that fit a book.
  const perform = Search.performSearch;
  Search.performSearch = query => {
    perform(query);
    Search.status.setAttribute("role", "status");
  };
  const nothing = "Your search did not match any documents. Please make sure that all words are spelled correctly and " +
    "that you've selected enough categories.";
  Object.assign(Documentation.TRANSLATIONS, {
    [nothing]: "Nothing in the book has all of these words. Check the spelling, or try fewer words.",
    "Search finished, found ${resultCount} page(s) matching the search query.": "Places found: ${resultCount}.",
  });
}
