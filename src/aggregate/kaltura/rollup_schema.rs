//! The row types of roll-ups of Kaltura beacons: the sums, who is counted once each, and the retention of entries.

use super::counts::{COUNTS, Counts};
use crate::model::kaltura::Rollup;
use crate::model::{Field, FieldKind, Schema, Tag};

const fn integer(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Integer, help }
}

const fn text(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Text, help }
}

/// Of how many kinds somebody is counted once each.
pub(super) const UNIQUES: usize = UNIQUE_SKETCHES.len();

macro_rules! uniques {
    ($($name:literal $sketch:literal $help:literal;)*) => {
        /// The fields with who is counted once each, to be merged.
        pub(super) const UNIQUE_SKETCHES: [&str; [$($name),*].len()] = [$($sketch),*];
        const UNIQUE_COUNTS: &[Field] = &[$(integer($name, $help),)*];
        const SKETCHES: &[Field] = &[$(
            text($sketch, concat!("What is behind ", $name, ", to be merged over rows: base64 of a zero byte and up to 256 hashes (XXH3-64, seed 0; little-endian, ascending), or of a byte 1 and 4096 registers of HyperLogLog. Empty = none.")),
        )*];
    };
}

uniques! {
    "unique_viewers" "unique_viewers_sketch" "Different viewers: exact up to 256, beyond by HyperLogLog with a standard error of 1.6 %. A viewer is named by userId, else persistentSessionId, else sessionId, within an account; never by address. Kaltura: unique_known_users.";
    "unique_viewers_played" "unique_viewers_played_sketch" "The same, of those with a first frame. Kaltura: unique_viewers.";
    "unique_viewers_viewed" "unique_viewers_viewed_sketch" "The same, of those with a view. Kaltura: view_unique_audience.";
    "unique_viewers_engaged" "unique_viewers_engaged_sketch" "The same, of those with an engaged view. Kaltura: view_unique_engaged_users.";
    "unique_viewers_buffering" "unique_viewers_buffering_sketch" "The same, of those with a view that stalled. Kaltura: view_unique_buffering_users.";
    "unique_viewers_dvr" "unique_viewers_dvr_sketch" "The same, of those with a view behind the live edge. Kaltura: view_unique_audience_dvr.";
    "unique_sessions_viewed" "unique_sessions_viewed_sketch" "Different sessions with a view. Kaltura: view_unique_sessions.";
    "unique_sessions_with_error" "unique_sessions_with_error_sketch" "Different sessions with an error.";
}

const PARTITIONS_MISSING: Field = integer(
    "partitions_missing_count",
    "Source partitions that lagged by more than `max_skew_ms` when the row was made, so that their part is not in it; 0 = the row is complete.",
);

/// The field with the percentiles that sessions have seen.
pub(super) const COMPLETION_PERCENT: &str = "completion_percent_sum";

const COMPLETION: Field = integer(
    COMPLETION_PERCENT,
    "How many percent of their entry sessions have seen, each percent once (its middle), added up over sessions: as soon as a session's beacons tell of the duration. Kaltura: uniquePercentiles.",
);

/// The field with views by flavour.
pub(super) const FLAVOR_VIEWS: &str = "flavor_views";
/// The field with errors by code.
pub(super) const ERROR_CODES: &str = "error_codes";

const NAMED: &[Field] = &[
    text(
        FLAVOR_VIEWS,
        "Views by flavour (flavorParamsId), as a JSON object: 64 flavours, those with the smallest published hashes, the rest as `other`. Empty = no view says one. Kaltura: flavor_params_view_count.",
    ),
    text(ERROR_CODES, "Errors by code, likewise; `unknown` for those without one. They add up to player_errors_count."),
];

/// The field that holds a mergeable audience.
pub(super) const RETENTION_SKETCH: &str = "retention_sketch";

/// The fields with what the catalogue tells.
pub(super) const ENTRY_NAME: &str = "entry_name";
pub(super) const ENTRY_OWNER: &str = "entry_owner";
pub(super) const ENTRY_SINCE_MS: &str = "entry_since_ms";

const RETENTION: &[Field] = &[
    integer(
        "duration_ms",
        "How long the entry is, ms: by the catalogue (of several durations the longest), else as far as the row's own beacons tell; 0 = neither tells.",
    ),
    text(
        "duration_source",
        "`catalogue`: as the catalogue tells; `learned`: the furthest position at which players told the end, else the least that a quartile's position leaves possible; `unknown`.",
    ),
    integer(
        "retention_resolution_ms",
        "What two points of the curves must be apart to differ: a percent of the duration, and at least the 10 s from view to view; 0 = there are no curves.",
    ),
    text(
        "retention_views",
        "How often each percent of the entry was played (its middle; in the end how often the end was reached): 101 numbers with commas between. Empty = the duration is not known from the row alone. Kaltura: count_viewers of report 43.",
    ),
    text("retention_sessions", "The same, of each session of the entry the first time only."),
    text(
        RETENTION_SKETCH,
        "What is behind the curves, to be merged over rows and read off at any duration, and minute by minute for broadcasts: base64.",
    ),
    text(
        ENTRY_NAME,
        "The entry's name by the catalogue, by the newest version that counts for any part of the row; empty = not known.",
    ),
    text(ENTRY_OWNER, "Who owns it, likewise."),
    integer(
        ENTRY_SINCE_MS,
        "Since when the catalogue says so: when that version was appended to its topic, ms since the Unix epoch; 0 = from the beginning (a file), or nothing is known.",
    ),
];

const SOURCE: Tag = Tag { name: "source", help: "The name of the source in the topology." };
const TENANT: Tag = Tag { name: "tenant", help: "The record header `qoe-tenant`, else the account (partner id)." };
const WINDOW: Tag = Tag {
    name: "window",
    help: "The window's length: `10s`, `1m`, `1h`. Rows of one length hold everything; never add two lengths up.",
};

/// How many fields every roll-up has.
const COMMON: usize = COUNTS + UNIQUE_COUNTS.len() + 2 + SKETCHES.len() + NAMED.len();

const fn joined<const N: usize>(lists: &[&[Field]]) -> [Field; N] {
    let mut fields = [PARTITIONS_MISSING; N];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            fields[at] = lists[list][index];
            index += 1;
            at += 1;
        }
        list += 1;
    }
    fields
}

const FIELDS: [Field; COMMON] =
    joined(&[&Counts::FIELDS, &[COMPLETION], UNIQUE_COUNTS, &[PARTITIONS_MISSING], SKETCHES, NAMED]);
const CONTENT_FIELDS: [Field; COMMON + RETENTION.len()] = joined(&[&FIELDS, RETENTION]);

/// One row for each entry and window.
pub static CONTENT_WINDOW: Schema = Schema {
    measurement: "content_window",
    dialect: "kaltura",
    help: "Kaltura: one row for each source, tenant, entry and window, over all partitions, at three window lengths: sums over the beacons of all sessions, which add up, and who is counted once each. Ratios are not stored; formulas divide merged sums. The timestamp is the window's start. Beacons of bots count only in `device_window`.",
    tags: &[Tag { name: "entry", help: "What is played; `other` for keys beyond the cap." }, SOURCE, TENANT, WINDOW],
    fields: &CONTENT_FIELDS,
};

/// One row for each place and window.
pub static GEOGRAPHY_WINDOW: Schema = Schema {
    measurement: "geography_window",
    dialect: "kaltura",
    help: "Kaltura: one row for each source, tenant, place and window, over all partitions, at three window lengths: sums over the beacons of all sessions, which add up, and who is counted once each. Ratios are not stored; formulas divide merged sums. The timestamp is the window's start. Beacons of bots count only in `device_window`.",
    tags: &[
        Tag {
            name: "city",
            help: "By its English name; `unknown` without a database of addresses, `other` for keys beyond the cap.",
        },
        Tag { name: "country", help: "ISO 3166 code." },
        Tag { name: "region", help: "The region in the country." },
        SOURCE,
        TENANT,
        WINDOW,
    ],
    fields: &FIELDS,
};

/// One row for each kind of device and window.
pub static DEVICE_WINDOW: Schema = Schema {
    measurement: "device_window",
    dialect: "kaltura",
    help: "Kaltura: one row for each source, tenant, kind of device, operating system, browser and window, over all partitions, at three window lengths: sums over the beacons of all sessions, which add up, and who is counted once each. Ratios are not stored; formulas divide merged sums. The timestamp is the window's start.",
    tags: &[
        Tag { name: "browser", help: "The browser, by its own name for itself; `unknown` without one." },
        Tag {
            name: "device",
            help: "The kind of device; `bot` for what is no viewer, `other` for keys beyond the cap.",
        },
        Tag { name: "os", help: "The operating system." },
        SOURCE,
        TENANT,
        WINDOW,
    ],
    fields: &FIELDS,
};

/// One row for each site and window.
pub static DOMAIN_WINDOW: Schema = Schema {
    measurement: "domain_window",
    dialect: "kaltura",
    help: "Kaltura: one row for each source, tenant, host of the page and window, over all partitions, at three window lengths: sums over the beacons of all sessions, which add up, and who is counted once each. Ratios are not stored; formulas divide merged sums. The timestamp is the window's start. Beacons of bots count only in `device_window`.",
    tags: &[
        Tag { name: "domain", help: "The host of the page that embeds the player; `other` for keys beyond the cap." },
        SOURCE,
        TENANT,
        WINDOW,
    ],
    fields: &FIELDS,
};

/// One row for each way of playing and window.
pub static PLAYBACK_TYPE_WINDOW: Schema = Schema {
    measurement: "playback_type_window",
    dialect: "kaltura",
    help: "Kaltura: one row for each source, tenant, way of playing and window, over all partitions, at three window lengths: sums over the beacons of all sessions, which add up, and who is counted once each. Ratios are not stored; formulas divide merged sums. The timestamp is the window's start. Beacons of bots count only in `device_window`.",
    tags: &[
        Tag { name: "playback_type", help: "`vod`, `live`, `dvr` (live, behind the edge), `offline`, `unknown`." },
        SOURCE,
        TENANT,
        WINDOW,
    ],
    fields: &FIELDS,
};

/// One row for each value of a custom variable and window.
pub static CUSTOM_VARIABLE_WINDOW: Schema = Schema {
    measurement: "custom_variable_window",
    dialect: "kaltura",
    help: "Kaltura: one row for each source, tenant, custom variable, value and window, over all partitions, at three window lengths: sums over the beacons of all sessions, which add up, and who is counted once each. Ratios are not stored; formulas divide merged sums. The timestamp is the window's start. A beacon counts once for each variable that it has, and not at all without. Beacons of bots count only in `device_window`.",
    tags: &[
        SOURCE,
        TENANT,
        Tag { name: "value", help: "The variable's value; `other` for keys beyond the cap." },
        Tag { name: "variable", help: "Which: `1`, `2`, `3`." },
        WINDOW,
    ],
    fields: &FIELDS,
};

/// Whether its rows have the retention of an entry.
pub(super) const fn has_retention(rollup: Rollup) -> bool {
    matches!(rollup, Rollup::Content)
}

/// The row type of a kind of roll-up.
pub fn schema_of(rollup: Rollup) -> &'static Schema {
    match rollup {
        Rollup::Content => &CONTENT_WINDOW,
        Rollup::Geography => &GEOGRAPHY_WINDOW,
        Rollup::Device => &DEVICE_WINDOW,
        Rollup::Domain => &DOMAIN_WINDOW,
        Rollup::PlaybackType => &PLAYBACK_TYPE_WINDOW,
        Rollup::CustomVariable => &CUSTOM_VARIABLE_WINDOW,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_tags_of_their_keys_in_order() {
        for rollup in Rollup::ALL {
            let schema = schema_of(rollup);
            let names: Vec<&str> = schema.tags.iter().map(|tag| tag.name).collect();
            assert!(names.is_sorted(), "{names:?}");
            for name in rollup.tags().iter().chain(&["source", "tenant", "window"]) {
                assert!(names.contains(name), "{name} of {}", schema.measurement);
            }
            assert_eq!(names.len(), rollup.tags().len() + 3);
            assert_eq!(schema.measurement, format!("{}_window", rollup.as_str()));
            let mut fields: Vec<&str> = schema.fields.iter().map(|field| field.name).collect();
            fields.sort_unstable();
            assert!(fields.windows(2).all(|pair| pair[0] != pair[1]), "{fields:?}");
        }
    }
}
