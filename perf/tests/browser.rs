//! Pages in a real browser, where there is one: no message on the console, every chart has a size,
//! and nothing is wider than a phone.

mod samples;

use mainspring_perf::results::compare::{self, Named, Question};
use mainspring_perf::results::report;
use samples::{bare, failed, hostile, rich, with_cpus};
use std::fs;
use std::path::Path;
use std::process::Command;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const PHONE: u32 = 390;

/// Tells the page around it what this page measures: how far it goes beyond its frame's width, and
/// its charts without a size.
const PROBE: &str = r#"<script>
addEventListener("load", () => {
  const { scrollWidth, clientWidth } = document.documentElement;
  const small = [...document.querySelectorAll("svg.chart")].filter((chart) => {
    const box = chart.getBoundingClientRect();
    return box.width < 200 || box.height < 60;
  });
  const charts = document.querySelectorAll("svg.chart").length;
  const button = document.getElementById("download").getBoundingClientRect().height > 10;
  parent.postMessage(`beyond=${scrollWidth - clientWidth} charts=${charts} small=${small.length} button=${button}`, "*");
});
</script></body>"#;

/// A window can't be as narrow as a phone, but a frame in it can.
fn around(width: u32) -> String {
    format!(
        "<!DOCTYPE html><title>nothing measured</title><link rel=icon href='data:,'>\
         <script>addEventListener('message', (said) => document.title = said.data);</script>\
         <iframe src=page.html width={width} height=800 style='border:0'></iframe>"
    )
}

/// The name of one that runs.
fn browser() -> Option<&'static str> {
    let runs = |name: &&str| {
        let output = Command::new(name).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = BROWSERS.into_iter().find(|name| runs(name));
    if found.is_none() {
        eprintln!("skipped: none of {BROWSERS:?} is installed");
    }
    found
}

/// What the browser says of a page: the measures, and its console.
fn measured(browser: &str, page: &str, width: u32, folder: &Path) -> (String, Vec<String>) {
    assert!(page.contains("</body>"));
    fs::write(folder.join("page.html"), page.replace("</body>", PROBE)).unwrap();
    fs::write(folder.join("around.html"), around(width)).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
    ]);
    command.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]);
    command.args([
        "--window-size=1400,900",
        "--virtual-time-budget=5000",
        "--enable-logging=stderr",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg("--dump-dom").arg(format!("file://{}", folder.join("around.html").display()));
    let output = command.output().unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = said.lines().filter(|line| line.contains("CONSOLE")).map(String::from);
    let title = dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let title = title.map_or_else(|| format!("no title: {said}"), |(title, _)| title.to_owned());
    (title, console.collect())
}

#[test]
fn pages_fit_a_phone_show_every_chart_and_say_nothing_on_the_console() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let documents = [rich(), hostile(), bare(), failed(), with_cpus(2), with_cpus(64)];
    let mut pages: Vec<_> = documents.iter().map(|one| report::page(one).unwrap()).collect();
    pages.push(comparison());
    for (place, page) in pages.iter().enumerate() {
        let charts = page.matches("data-chart=").count();
        for width in [PHONE, 1280] {
            let (measures, console) = measured(browser, page, width, folder.path());
            let wanted = format!("beyond=0 charts={charts} small=0 button=true");
            assert_eq!(measures, wanted, "page {place}, {width} wide");
            assert_eq!(console, Vec::<String>::new(), "page {place}");
        }
    }
}

#[test]
fn the_measures_can_see_what_is_wrong() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = report::page(&rich()).unwrap();
    let wide = page.replace("<main>", "<main><div style='width:900px'>wide</div>");
    let (measures, _) = measured(browser, &wide, PHONE, folder.path());
    assert!(measures.starts_with("beyond=5"), "{measures}");
    let none = page.replace("<main>", "<main><style>.chart { display: none !important }</style>");
    let (measures, _) = measured(browser, &none, PHONE, folder.path());
    assert!(!measures.contains("small=0") && measures.contains("small="), "{measures}");
    let noisy = page.replace("<main>", "<main><script>console.error('here')</script>");
    let (_, console) = measured(browser, &noisy, PHONE, folder.path());
    assert!(console.iter().any(|line| line.contains("here")), "{console:?}");
}

fn comparison() -> String {
    let (a, b) = (rich(), rich());
    let question = Question { threshold: 0.03, only: String::new(), allow_other_machine: false };
    let (a, b) = (Named { name: "a.json", document: &a }, Named { name: "b.json", document: &b });
    report::comparison(&compare::documents(a, b, None, &question).unwrap()).unwrap()
}
