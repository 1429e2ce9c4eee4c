//! `REFERENCE.md` says what the code declares, and the README names each of Kaltura's metrics that are served.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use streamgauge::aggregate::kaltura::formulas::METRICS;
use streamgauge::reference;

/// Writes the page anew: `STREAMGAUGE_TEST_WRITE_REFERENCE=1 cargo test --test reference_page_is_current`.
const WRITE: &str = "STREAMGAUGE_TEST_WRITE_REFERENCE";

#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("REFERENCE.md");
    let page = reference::render(reference::SCHEMAS);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = written.lines().zip(page.lines()).position(|(old, new)| old != new);
    assert!(
        written == page,
        "REFERENCE.md is stale (first at line {}): {WRITE}=1 cargo test --test reference_page_is_current",
        differs.unwrap_or_else(|| written.lines().count().min(page.lines().count())) + 1
    );
}

#[test]
fn the_readme_names_the_metrics_of_kalturas_reports() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let is_missing = |name: &&str| !readme.contains(&format!("`{name}`"));
    let missing: Vec<&str> = METRICS.iter().map(|metric| metric.name).filter(is_missing).collect();
    assert!(missing.is_empty(), "the README lacks {missing:?}");
}
