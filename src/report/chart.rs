//! Small charts as inline SVG: whole numbers only, a title for those who cannot see them, and every
//! number also in a table beside it.

use std::fmt::Write as _;

use crate::domain::money::Currency;
use crate::report::figure::{money, share};
use crate::report::page::{Page, escaped};
use crate::report::words::Words;

/// One part of a stacked bar. `class` is its colour in the style sheet.
pub struct Slice {
    pub class: &'static str,
    pub label: Words,
    pub minor: i128,
}

/// Width of a chart in its own units.
const WIDE: i128 = 10_000;

/// One bar cut by shares of money, with a legend that says the numbers.
pub fn stacked_bar(page: &mut Page, title: &Words, slices: &[Slice], currency: Currency) {
    let whole: i128 = slices.iter().map(|slice| slice.minor.max(0)).sum();
    page.markup("<figure class=\"chart\">\n");
    let title = page.plain(title);
    let mut svg = format!(
        "<svg role=\"img\" viewBox=\"0 0 {WIDE} 420\" preserveAspectRatio=\"none\"><title>{title}: "
    );
    let told: Vec<String> = slices
        .iter()
        .filter(|slice| slice.minor > 0)
        .map(|slice| {
            format!("{} {}", page.plain(&slice.label), escaped(&share(slice.minor, whole)))
        })
        .collect();
    let _ = write!(svg, "{}</title>", told.join("; "));
    let _ = write!(svg, "<rect class=\"ground\" width=\"{WIDE}\" height=\"420\"/>");
    let mut before: i128 = 0;
    for slice in slices.iter().filter(|slice| slice.minor > 0) {
        // Edges are cut from the running sum, so that rounding never leaves a gap.
        let from = before * WIDE / whole;
        before += slice.minor;
        let to = before * WIDE / whole;
        let _ = write!(
            svg,
            "<rect class=\"{}\" x=\"{from}\" width=\"{}\" height=\"420\"/>",
            slice.class,
            // What is there is seen, however small.
            (to - from).max(20)
        );
    }
    svg.push_str("</svg>\n");
    page.markup(&svg);
    page.markup("<figcaption><ul class=\"legend\">\n");
    for slice in slices {
        page.markup(&format!(
            "<li><svg class=\"key\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{}\" width=\"10\" height=\"10\"/></svg> ",
            slice.class
        ));
        page.say(&slice.label);
        page.markup(" <b>");
        page.text(&money(slice.minor, currency));
        page.markup("</b> ");
        page.text(&share(slice.minor, whole));
        page.markup("</li>\n");
    }
    page.markup("</ul></figcaption>\n</figure>\n");
}
