//! A source as tests by hand have it.

use streamgauge::aggregate::Caps;
use streamgauge::engine::Rules;
use streamgauge::fold::{Clock, SourceSettings};

/// Windows of 10 s, of players' own clocks, with 10 s grace and 5 s disorder; room for a hundred sessions.
pub fn players(source: &str, cdn: &str) -> SourceSettings {
    SourceSettings {
        source: source.to_owned(),
        cdn: cdn.to_owned(),
        clock: Clock::Player,
        rules: Rules { window_ms: 10_000, grace_ms: 10_000, disorder_bound_ms: 5_000 },
        max_delay_ms: 0,
        deduplicate: false,
        caps: Caps { sessions: 100, rollup_keys: 100, facts: 64 },
    }
}
