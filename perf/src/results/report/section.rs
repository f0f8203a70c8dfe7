//! The parts of a page: sections, and tables that scroll.

use maud::{Markup, html};

/// A part of the page.
pub fn section(id: &str, title: &str, inside: &Markup) -> Markup {
    html! { section id=(id) { h2 { (title) } (inside) } }
}

/// A table that scrolls by itself where it is wider than the page. `name` is for those who can't
/// see it, and the place can be reached by keyboard, which scrolls it.
pub fn scrolling(name: &str, table: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(name) { (table) } }
}

/// A name that may be broken behind its slashes, where a phone needs it to.
pub fn breakable(name: &str) -> Markup {
    html! { @for part in name.split_inclusive('/') { (part) wbr; } }
}
