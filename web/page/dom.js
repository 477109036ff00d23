// Building the page. Names and notes come from strangers: they only ever become text, never markup.

export const find = (id) => document.getElementById(id);

/** An element: `h("a", { href: "/docs", class: "plain" }, "text", child)`; null and false children are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The coloured spot of a kind of station. */
export function spot(kind) {
  const element = h("span", { class: "spot", "aria-hidden": "true" });
  element.style.setProperty("background", `var(--kind-${CSS.escape(kind)}, var(--kind-other))`);
  return element;
}
