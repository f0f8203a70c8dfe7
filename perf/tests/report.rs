//! The page of a run: complete, closed to what a document says, and without a network.

mod samples;

use assert_cmd::Command;
use mainspring_perf::results::document::Document;
use mainspring_perf::results::report;
use samples::{HOSTILE, bare, failed, hostile, rich, with_cpus, write};
use scraper::{Html, Selector};
use serde_json::Value;

fn parsed(document: &Document) -> Html {
    let text = report::page(document).unwrap();
    let html = Html::parse_document(&text);
    assert!(html.errors.is_empty(), "{:?}", html.errors);
    html
}

fn count(html: &Html, selector: &str) -> usize {
    html.select(&Selector::parse(selector).unwrap()).count()
}

fn text(html: &Html, selector: &str) -> String {
    html.select(&Selector::parse(selector).unwrap()).flat_map(|one| one.text()).collect()
}

#[test]
fn a_page_has_every_part_of_its_document() {
    let html = parsed(&rich());
    for part in [
        "gates",
        "environment",
        "pins",
        "matrix",
        "percentiles",
        "over-time",
        "rates",
        "throughput",
        "ratios",
        "loads",
        "counters",
        "jitter",
        "figures",
        "reproduce",
        "data",
    ] {
        assert_eq!(count(&html, &format!("section#{part} h2")), 1, "{part}");
    }
    assert!(text(&html, ".warnings").contains("the probe moved between rounds"));
    assert!(text(&html, ".warnings").contains("virtual machine"));
    assert!(text(&html, ".verdict").contains("noisy"));
    assert_eq!(count(&html, ".gates .bad"), 1);
    assert!(text(&html, "#reproduce code").contains("--suite open"));
    assert!(text(&html, "#pins").contains("ledger not verified"));
    // Seven scenarios are more than one chart holds: those of calls, fixed and poisson have two each.
    assert_eq!(count(&html, "svg[data-chart=curve]"), 7);
    assert_eq!(count(&html, "svg[data-chart=strip]"), 14);
    assert_eq!(count(&html, "svg[data-chart=rate]"), 2);
    assert_eq!(count(&html, "svg[data-chart=bars]"), 3);
    assert_eq!(count(&html, "svg[data-chart=heat] rect.cell"), 16 * 16 - 16 - 1);
    assert!(text(&html, "#rates .note").contains("950k/s (got 860k/s)"));
}

#[test]
fn each_chart_has_its_lines_its_legend_and_words_for_who_cannot_see_it() {
    let html = parsed(&rich());
    let charts = count(&html, "svg.chart");
    assert!(charts > 20);
    assert_eq!(count(&html, "svg.chart[role=img][aria-label][viewBox] > title"), charts);
    assert_eq!(count(&html, "figure:has(svg[data-chart=curve]) .jitter0 path.line"), 2 * 7);
    assert_eq!(
        count(&html, "#percentiles svg.chart .floor0"),
        2,
        "calls have their floor beside them"
    );
    // Every round of every throughput has its dot.
    assert_eq!(count(&html, "svg[data-chart=bars] circle.round"), 6 * 7);
    assert_eq!(count(&html, "svg[data-chart=strip] .s1 path.line"), 14);
}

#[test]
fn pages_load_nothing() {
    for document in [rich(), hostile()] {
        let text = report::page(&document).unwrap();
        let html = parsed(&document);
        assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("@import"));
        assert_eq!(count(&html, "[src], iframe, object, embed, link:not([href='data:,'])"), 0);
        assert!(text.contains("default-src &#39;none&#39;") || text.contains("default-src 'none'"));
    }
}

#[test]
fn the_document_comes_back_out_of_its_page() {
    for document in [rich(), hostile(), bare()] {
        let raw = text(&parsed(&document), "script#raw");
        let back: Value = serde_json::from_str(&raw).unwrap();
        let file = mainspring_perf::json::pretty(&document).unwrap();
        // Not by `assert_eq!`: it would print both.
        assert!(back == serde_json::from_str::<Value>(&file).unwrap());
        assert_eq!(back["scenarios"].as_array().unwrap().len(), document.scenarios.len());
    }
}

#[test]
fn hostile_names_stay_text() {
    let html = parsed(&hostile());
    // As many elements as with harmless names: none was made of a name.
    let rich = parsed(&rich());
    for element in ["script", "style", "head title", "img", "[onerror]"] {
        assert_eq!(count(&html, element), count(&rich, element), "{element}");
    }
    assert!(text(&html, "#figures tbody th").contains(HOSTILE));
    assert!(text(&html, ".warnings li").contains(HOSTILE));
}

#[test]
fn least_and_failed_documents_make_pages_without_empty_parts() {
    for document in [bare(), failed()] {
        let html = parsed(&document);
        assert_eq!(count(&html, "svg.chart"), 0);
        assert_eq!(count(&html, "table:not(:has(td))"), 0);
    }
    assert!(text(&parsed(&failed()), ".error").contains("an object stopped"));
}

#[test]
fn large_and_small_machines_have_a_map_and_every_cpu() {
    for count_cpus in [2, 16, 64] {
        let html = parsed(&with_cpus(count_cpus));
        assert_eq!(count(&html, ".cpu"), count_cpus);
        let cells = count(&html, "svg[data-chart=heat] rect");
        assert_eq!(cells, count_cpus * count_cpus);
    }
}

fn mainspring() -> Command {
    Command::cargo_bin("mainspring").unwrap()
}

#[test]
fn the_page_lies_beside_the_document_or_where_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let json = write(&rich(), folder.path(), "run.json");
    let output = mainspring().arg("report").arg(&json).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().trim().ends_with("run.html"));
    assert!(folder.path().join("run.html").exists());
    let other = folder.path().join("other.html");
    let output =
        mainspring().arg("report").arg(&json).arg("--output").arg(&other).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        std::fs::read(&other).unwrap(),
        std::fs::read(folder.path().join("run.html")).unwrap()
    );
}

#[test]
fn what_is_no_document_is_refused_in_one_line_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let json = write(&rich(), folder.path(), "run.json");
    let whole = std::fs::read_to_string(&json).unwrap();
    std::fs::write(path("half.json"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(path("later.json"), whole.replace("bench/2", "bench/9")).unwrap();
    std::fs::write(path("half.html"), "precious").unwrap();
    let refused = |arguments: &[&std::path::Path]| {
        let output = mainspring().arg("report").args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("mainspring: ") && said.matches('\n').count() == 1, "{said}");
        said
    };
    assert!(refused(&[&path("half.json")]).contains("line"));
    assert_eq!(std::fs::read_to_string(path("half.html")).unwrap(), "precious");
    assert!(refused(&[&path("later.json")]).contains("mainspring-bench/9"));
    assert!(refused(&[&path("none.json")]).contains("none.json"));
    let nowhere = path("no/such.html");
    assert!(refused(&[&json, "--output".as_ref(), &nowhere]).contains("such.html"));
    assert!(refused(&[&json, "--output".as_ref(), &json]).contains("document itself"));
    assert_eq!(std::fs::read_to_string(&json).unwrap(), whole);
}
