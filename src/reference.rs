//! The reference page: rows, metrics and settings, made from their declarations in code, so that it cannot say anything else.

use std::fmt::{self, Write};

use crate::aggregate::{cmcd, kaltura, webrtc};
use crate::config;
use crate::model::{FieldKind, Schema};
use crate::telemetry::{METRICS, Metric};
use crate::topology;

/// Every row type, in the order of the page.
pub const SCHEMAS: &[&Schema] = &[
    &cmcd::SESSION_WINDOW,
    &cmcd::SESSION,
    &cmcd::EDGE_WINDOW,
    &webrtc::SESSION_WINDOW,
    &webrtc::SESSION,
    &webrtc::EDGE_WINDOW,
    &kaltura::SESSION_WINDOW,
    &kaltura::SESSION,
    &kaltura::CONTENT_WINDOW,
    &kaltura::GEOGRAPHY_WINDOW,
    &kaltura::DEVICE_WINDOW,
    &kaltura::DOMAIN_WINDOW,
    &kaltura::PLAYBACK_TYPE_WINDOW,
    &kaltura::CUSTOM_VARIABLE_WINDOW,
];

/// The page as Markdown.
pub fn render(schemas: &[&Schema]) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail; the result says so in its type only.
    match write_page(&mut page, schemas) {
        Ok(()) => page,
        Err(fmt::Error) => String::new(),
    }
}

fn write_page(page: &mut String, schemas: &[&Schema]) -> fmt::Result {
    writeln!(page, "# Reference\n")?;
    writeln!(
        page,
        "Generated from the declarations in code; a test fails when it is stale, and says how to write it anew.\n"
    )?;
    writeln!(page, "## Rows\n")?;
    writeln!(
        page,
        "Every row of a type has all of its tags and fields. Integers are signed and have 64 bits; ratios are never"
    )?;
    writeln!(
        page,
        "stored: divide sums. Where a count is 0, what it counts was not measured. The dialects share measurements and"
    )?;
    writeln!(page, "the names of what they have in common; the tag `source` tells their rows apart.\n")?;
    schemas.iter().try_for_each(|schema| write_schema(page, schema))?;
    write_kaltura_metrics(page)?;
    writeln!(page, "## Metrics\n")?;
    writeln!(
        page,
        "At `/metrics`, in Prometheus' text format. `streamgauge_…` is the service, `qoe_…` what viewers see, fed when windows close;\n\
        `webrtc_…` are the names of the single-process WebRTC monitor, given only behind `compat.webrtc_monitor`.\n"
    )?;
    writeln!(page, "| name | kind | labels | meaning |")?;
    writeln!(page, "|---|---|---|---|")?;
    METRICS.iter().try_for_each(|metric| write_metric(page, metric))?;
    writeln!(page, "\n## Settings\n\n```toml\n{}```\n", config::EXAMPLE)?;
    writeln!(page, "librdkafka properties that may not be set, because the engine sets them:\n")?;
    writeln!(page, "| property | why, and what to use |")?;
    writeln!(page, "|---|---|")?;
    config::OWNED.iter().try_for_each(|owned| writeln!(page, "| `{}` | {} |", owned.name, cell(owned.reason)))?;
    writeln!(page, "\n## Topology\n\nThe built-in one:\n\n```toml\n{}```", topology::DEFAULT)
}

/// What reports of Kaltura have, and of which fields it is made.
fn write_kaltura_metrics(page: &mut String) -> fmt::Result {
    writeln!(page, "## Metrics of Kaltura's reports\n")?;
    writeln!(
        page,
        "Each from fields of roll-up rows that were added up (or merged) over all rows of a question; nothing is averaged over windows or\n\
        keys. Without anything to divide by there is no value. `aggregate::kaltura::formulas` computes them; beside these it has `viewers` of\n\
        a graph (views over the 10-s steps of a point, rounded up) and `engagement_ranking` (5 × plays + 2.5 × unique viewers, each over the\n\
        most of all entries, + at most 2.5 for completion).\n"
    )?;
    writeln!(page, "| metric | unit | computed |")?;
    writeln!(page, "|---|---|---|")?;
    let mut metrics = kaltura::formulas::METRICS.iter();
    metrics.try_for_each(|one| writeln!(page, "| `{}` | {} | {} |", one.name, one.unit, cell(one.help)))?;
    writeln!(page)
}

fn write_schema(page: &mut String, schema: &Schema) -> fmt::Result {
    writeln!(page, "### `{}` of {} sources\n\n{}\n", schema.measurement, schema.dialect, schema.help)?;
    writeln!(page, "| name | kind | meaning |")?;
    writeln!(page, "|---|---|---|")?;
    schema.tags.iter().try_for_each(|tag| writeln!(page, "| `{}` | tag | {} |", tag.name, cell(tag.help)))?;
    for field in schema.fields {
        let kind = match field.kind {
            FieldKind::Integer => "integer",
            FieldKind::Text => "text",
        };
        writeln!(page, "| `{}` | {kind} | {} |", field.name, cell(field.help))?;
    }
    writeln!(page)
}

fn write_metric(page: &mut String, metric: &Metric) -> fmt::Result {
    let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    writeln!(page, "| `{}` | {} | {labels} | {} |", metric.name, metric.kind.as_str(), cell(metric.help))
}

/// Text that does not end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::render;
    use crate::model::{Field, FieldKind, Schema, Tag};

    #[test]
    fn a_schema_becomes_a_table() {
        const SCHEMA: Schema = Schema {
            measurement: "edge_window",
            dialect: "cmcd",
            help: "One per edge.",
            tags: &[Tag { name: "edge", help: "The edge, or `a|b`." }],
            fields: &[Field { name: "requests_count", kind: FieldKind::Integer, help: "All requests." }],
        };
        let page = render(&[&SCHEMA]);
        let expected = "### `edge_window` of cmcd sources\n\nOne per edge.\n\n| name | kind | meaning |\n|---|---|---|\n\
            | `edge` | tag | The edge, or `a\\|b`. |\n| `requests_count` | integer | All requests. |\n";
        assert!(page.contains(expected), "{page}");
    }
}
